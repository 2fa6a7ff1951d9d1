"""All pictures of a fit in sections, with what could not be drawn in words: what a report shows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from popmix.diagnose.pictures import (
    data_pictures,
    gof,
    headed,
    individual_fits,
    npde_pictures,
    objective_pictures,
)
from popmix.diagnose.random_effects import effect_pictures, effects_of
from popmix.diagnose.residuals import Residuals, residuals, residuals_from
from popmix.diagnose.vpc import SurvivalVPC, vpc
from popmix.diagnose.vpc.check import replicates_of
from popmix.errors import PopmixError, SupportError
from popmix.estimate import Fit
from popmix.estimate.progress import Progress, Silent
from popmix.plot import Picture, convergence_picture
from popmix.simulate import Replicates
from popmix.simulate.follow_up import FollowUp

# pages of individual fits that a gallery holds: of some 130 subjects
_MOST_PAGES = 15
SECTIONS = ("Data", "Goodness of fit", "Predictive checks", "NPDE", "Random effects", "Estimation", "Individual fits")


@dataclass(frozen=True, eq=False)
class Gallery(Mapping):
    """Pictures by section; `notes`: by section what could not be drawn, and why."""

    sections: Mapping[str, list[Picture]]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> list[Picture]:
        return self.sections[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)


def gallery(fit: Fit, n: int = 500, *, seed: int = 1, threads: int | None = None, progress: Progress | None = None) -> Gallery:
    """Return all pictures of a fit, with `n` replicates behind those that are simulated.

    What can't be drawn (an endpoint that can't be simulated, a model without random effects) is a note of its section, no exception.
    """
    told = progress or Silent()
    sections, notes = {}, {}

    def add(name: str, make: Callable[[], list[Picture]], *remarks: str) -> None:
        told.update("pictures", len(sections) / len(SECTIONS), name)
        remarks = tuple(filter(None, remarks))
        try:
            sections[name] = make()
        except PopmixError as error:
            sections[name], remarks = [], (*remarks, str(error))
        if not (sections[name] or remarks):
            remarks = (_NOTHING.get(name, "There is nothing to draw."),)
        notes[name] = remarks

    simulated, found = _simulated(fit, n, seed, threads, told)
    add("Data", lambda: data_pictures(fit))
    add("Goodness of fit", lambda: gof(fit, found), *_no_values(found))
    checks, remarks = _checks(fit, simulated, seed, threads, told)
    add("Predictive checks", lambda: checks, *remarks, *(found.notes if simulated is None else ()))
    add("NPDE", lambda: npde_pictures(fit, found), *found.notes)
    effects = effects_of(fit, seed=seed, progress=told)
    add("Random effects", lambda: effect_pictures(fit, effects), effects.note, *(_no_covariates(fit) if effects.levels else ()))
    add("Estimation", lambda: [*_traces(fit), *objective_pictures(fit)])
    pages = individual_fits(fit)
    add("Individual fits", lambda: pages[:_MOST_PAGES], *_left_out(len(pages)))
    return Gallery(sections, notes)


def _simulated(fit: Fit, n: int, seed: int, threads: int | None, told: Progress) -> tuple[Replicates | None, Residuals]:
    """Return replicates and the residuals from them; without replicates where an outcome can't be simulated."""
    try:
        simulated = replicates_of(fit, n, seed=seed, threads=threads, progress=told)
    except SupportError as error:
        return None, replace(residuals(fit, 0), notes=(str(error),))
    return simulated, residuals_from(fit, simulated, seed=seed, threads=threads)


def _left_out(n_pages: int) -> tuple[str, ...]:
    if n_pages <= _MOST_PAGES:
        return ()
    return (f"The first {_MOST_PAGES} of {n_pages} pages are drawn; popmix.individual_fits(fit) has all of them.",)


_NOTHING = {
    "Random effects": "The model has no random effects.",
    "NPDE": "There are no NPDE to draw.",
    "Individual fits": "No endpoint is continuous: there are no curves to draw.",
}


def _no_covariates(fit: Fit) -> tuple[str, ...]:
    return () if fit.model.covariates else ("The model has no covariates to hold random effects against.",)


def _no_values(found: Residuals) -> tuple[str, ...]:
    table = found.table
    if "CENSORED" not in table:
        return ()
    labels = table["DVID"] if "DVID" in table else np.full(table.n_rows, "DV", dtype=object)
    empty = [name for name in dict.fromkeys(labels.tolist()) if np.all(table["CENSORED"][labels == name] != "")]
    return tuple(f"All values of {name} are censored: it has no CWRES." for name in empty)


def _checks(fit: Fit, simulated: Replicates | None, seed: int, threads: int | None, told: Progress) -> tuple[list[Picture], list[str]]:
    """Return the predictive checks of all endpoints, those of continuous ones also prediction-corrected where there are doses."""
    if simulated is None:
        return [], []
    table = fit.predictions_table
    labels = list(dict.fromkeys(table["DVID"].tolist())) if "DVID" in table else [None]
    pictures, remarks = [], []
    for label in labels:
        told.update("pictures", None, f"predictive check{f' of {label}' if label else ''}")
        try:
            common = {"endpoint": label, "simulated": simulated, "seed": seed, "threads": threads}
            check = vpc(fit, **common)
            pictures.append(_titled(check.picture(), label, fit))
            if isinstance(check, SurvivalVPC) and FollowUp.of(simulated.problem, check.endpoint).goes_on:
                pictures.append(_titled(vpc(fit, event=None, **common).picture(), label, fit))
            if hasattr(check, "bins") and fit.data.n_doses:
                corrected = vpc(fit, correction="prediction", **common)
                pictures.append(_titled(corrected.picture(), label, fit))
                remarks += corrected.notes
        except PopmixError as error:
            remarks.append(str(error))
    return pictures, remarks


def _titled(picture: Picture, label: str | None, fit: Fit) -> Picture:
    return headed(replace(picture, title=f"{picture.title}{f' of {label}' if label else ''}"), fit)


def _traces(fit: Fit) -> list[Picture]:
    return [headed(convergence_picture(fit.trace), fit)] if "iteration" in fit.trace and fit.trace.n_rows > 1 else []
