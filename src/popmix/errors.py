"""The exceptions that a user of popmix meets, and the status codes of subjects in compiled code.

Before the gate (`popmix.likelihood`) a mistake is an exception that names the place and the mend; several mistakes are
collected and reported at once. After the gate, in compiled code, a failure is a `Status` per subject.
"""

from enum import IntEnum


class PopmixError(Exception):
    """Something that popmix refuses or could not do, in words for the person who asked for it."""


class ModelError(PopmixError):
    """One or more mistakes in a model's declarations; the message holds them all, each with its place."""


class DataError(PopmixError):
    """One or more faults in a data set that make it unusable; `findings` is the table of all of them."""

    def __init__(self, message: str, findings: object = None) -> None:
        super().__init__(message)
        self.findings = findings


class SupportError(PopmixError):
    """A feature that the chosen method (or this version) can't honour; the message names an alternative."""


class FitError(PopmixError):
    """An estimation that can't go on, with the subjects and parameters concerned."""


class OptionError(PopmixError):
    """An option of a method or a command with a value that it can't take."""


class Interrupted(PopmixError):
    """The user stopped the work; `kept` is what had been reached."""

    def __init__(self, message: str, kept: object = None) -> None:
        super().__init__(message)
        self.kept = kept


class Status(IntEnum):
    """What became of one subject in compiled code; `sentence` says it in words."""

    OK = 0
    NOT_FINITE = 1
    VARIANCE_NOT_POSITIVE = 2
    MODE_NOT_CONVERGED = 3
    CURVATURE_NOT_POSITIVE = 4
    LAG_INVALID = 5
    DURATION_INVALID = 6
    RATE_INVALID = 7
    LAG_TOO_LONG = 8
    NO_STEADY_STATE = 9
    STEP_TOO_SMALL = 10
    TOO_MANY_STEPS = 11
    OUT_OF_DOMAIN = 12

    @property
    def sentence(self) -> str:
        """One sentence about this status, to be completed with the subject."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.OK: "all is well",
    Status.NOT_FINITE: "the prediction or the density is not a finite number",
    Status.VARIANCE_NOT_POSITIVE: "the residual variance is zero or negative (a proportional error at a prediction of zero?)",
    Status.MODE_NOT_CONVERGED: "the search for the conditional mode of the random effects did not converge",
    Status.CURVATURE_NOT_POSITIVE: "the density has no maximum in the random effects (its curvature is not positive definite)",
    Status.LAG_INVALID: "a lag time is negative or not finite",
    Status.DURATION_INVALID: "the duration of an infusion is not positive (or too short to be told from none), or not finite",
    Status.RATE_INVALID: "the rate of an infusion is not positive, or not finite",
    Status.LAG_TOO_LONG: "a lag time is not shorter than the dosing interval II of a steady-state dose",
    Status.NO_STEADY_STATE: "no steady state of repeated doses was found: amounts grow without end (no elimination?), or the search fails",
    Status.STEP_TOO_SMALL: "the differential equations can't be solved: the step has become too small (a state that explodes?)",
    Status.TOO_MANY_STEPS: "the differential equations take too many steps (stiff, or a state that oscillates ever faster?)",
    Status.OUT_OF_DOMAIN: "a volume, clearance, rate constant or another argument of a structure is negative (or zero)",
}
