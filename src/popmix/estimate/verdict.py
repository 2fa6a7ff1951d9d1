"""The verdict on a fit: one word, and what it rests on, in sentences that say what to do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from popmix.estimate.certificate import Certificate
    from popmix.estimate.result import Fit

# a fall of the OFV that would change a decision is 3.84; a hundredth of it is nothing to wait for
_TO_GAIN = 0.04
# an approximation is off by what matters when this much of OFV is at stake per subject, and as much in all
_PER_SUBJECT, _IN_ALL = 0.05, 1.0
_HIGH_SHRINKAGE = 50.0

SOUND, RESERVED, DOUBTFUL = "sound", "sound, with reservations", "not to be trusted"


@dataclass(frozen=True)
class Verdict:
    """`word`: "sound", "sound, with reservations" or "not to be trusted"; `remarks`: why, and what to do."""

    word: str
    remarks: tuple[str, ...]


def verdict_of(fit: "Fit", certificate: "Certificate") -> Verdict:
    """Return the verdict that the evidence supports."""
    grave, mild = _about_minimum(fit, certificate), [*_about_approximation(fit, certificate), *_about_estimates(certificate)]
    word = DOUBTFUL if grave else RESERVED if mild else SOUND
    return Verdict(word, tuple([*grave, *mild]))


def _about_minimum(fit: "Fit", certificate: "Certificate") -> list[str]:
    told = []
    if fit.convergence.evaluated_only:
        told.append("nothing was estimated: these are given values.")
    elif not fit.convergence.converged:
        told.append(f"the search did not converge: {fit.convergence.reason}")
    if certificate.flat:
        told.append(certificate.flat)
    elif certificate.to_gain > _TO_GAIN and not fit.convergence.evaluated_only:
        told.append(f"the OFV can still fall by {certificate.to_gain:.2g}: go on from here (start=fit.parameters) with less tolerance.")
    return told


def _about_approximation(fit: "Fit", certificate: "Certificate") -> list[str]:
    told = []
    missed, sampled = abs(certificate.approximation), certificate.importance
    if not np.isfinite(missed) and sampled is not None:
        # what chance alone may do is no evidence against the method
        missed = max(0.0, abs(fit.ofv - fit.prior - sampled.ofv) - 2.0 * sampled.error)
    if missed > max(_IN_ALL, _PER_SUBJECT * fit.n_subjects):
        told.append(
            f"{certificate.method} misses the likelihood by {missed:.1f} in OFV: compare estimates, and tests of hypotheses, with those of "
            "AGQ(), IMP() or SAEM()."
        )
    told += [] if sampled is None else sampled.warnings
    return [*told, *fit.solution.warnings]


def _about_estimates(certificate: "Certificate") -> list[str]:
    told = []
    shrunken = [effect for effect, value in certificate.shrinkage.items() if value > _HIGH_SHRINKAGE]
    if shrunken:
        told.append(
            f"more than half of {', '.join(shrunken)} is shrunken away: plots and tests with individual values of it mislead; use "
            "simulation-based diagnostics."
        )
    if certificate.at_edge:
        told.append(f"{', '.join(certificate.at_edge)} at the edge of the possible: leave out, or fix, what the data do not show.")
    return told
