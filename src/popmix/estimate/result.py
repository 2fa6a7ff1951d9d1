"""Fit: what an estimation came to."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from popmix.data import EventTable
from popmix.estimate import summary
from popmix.estimate.certificate import Certificate, certify
from popmix.estimate.convergence import Convergence
from popmix.estimate.progress import Progress
from popmix.estimate.solution import Solution
from popmix.likelihood.priors import Priors
from popmix.model.model import Model
from popmix.model.parameters import Parameters
from popmix.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A model fitted to data (or evaluated at given parameters).

    `ofv`: NONMEM's objective, -2 log L without log 2 pi for every Gaussian observation; `minus2ll`: with it, all constants (observations
    counted with their subjects' weights). `parameters` and `start` are on the natural scale. `shrinkage`: percent on the SD scale by eta.
    `trace`: one row for each iteration; `starts`: one for each start, with what it led to. `timing`: seconds by phase. `messages`: warnings
    in words. `solution`: how amounts were found. `weights`: one per subject. Data frames are pandas for data that came from pandas, else
    polars.
    """

    model: Model
    data: EventTable
    method: Any
    parameters: Parameters
    start: Parameters
    ofv: float
    minus2ll: float
    n_subjects: int
    n_observations: int
    convergence: Convergence
    solution: Solution
    individuals_table: Table
    predictions_table: Table
    shrinkage: dict[str, float]
    trace: Table
    starts: Table
    timing: dict[str, float]
    seed: int | None
    versions: dict[str, str]
    messages: tuple[str, ...]
    weights: np.ndarray

    @property
    def n_estimated(self) -> int:
        """Number of parameters that were estimated."""
        return self.parameters.n_estimated

    @property
    def prior(self) -> float:
        """What the priors of the model add to the OFV: -2 log of their density without constants, 0 where the method leaves them out."""
        counted = getattr(self.method, "prior", False)
        return Priors.of(self.model, self.parameters).value(self.parameters.values) if counted else 0.0

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2LL + 2 p."""
        return self.minus2ll + 2 * self.n_estimated

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of observations, -2LL + p log n (PsN's and NONMEM users' convention)."""
        return self.minus2ll + self.n_estimated * float(np.log(max(self.n_observations, 1)))

    def estimates(self, covariance: Any = None) -> Table:
        """Return one row per parameter: name, value, se, rse, lower, upper, fixed, unit, label.

        The errors are those of `covariance` (see `popmix.covariance`), nan without it.
        """
        own = self.parameters
        unknown = dict.fromkeys(("se", "rse", "lower", "upper"), np.full(len(own), np.nan))
        known = unknown if covariance is None else covariance.errors()
        columns = {
            "name": np.array(own.names, dtype=object),
            "value": own.values,
            **{name: known[name] for name in unknown},
            "fixed": own.fixed,
            "unit": np.array(own.units, dtype=object),
            "label": np.array(own.labels, dtype=object),
        }
        return Table(columns)

    def predictions(self) -> Any:
        """Return the observations with predictions and residuals as a data frame."""
        return self.predictions_table.to_frame(self.data.library)

    def individuals(self) -> Any:
        """Return the subjects with their random effects and parameters as a data frame."""
        return self.individuals_table.to_frame(self.data.library)

    def certificate(self, *, threads: int | None = None, progress: Progress | None = None) -> Certificate:
        """Return the evidence on how far this fit can be trusted, with a verdict in words: see `popmix.estimate.certificate`."""
        return certify(self, threads=threads, progress=progress)

    def summary(self, covariance: Any = None) -> str:
        """Return the text of `print(fit)`, with the standard errors of `covariance` where one is given."""
        return summary.as_text(self, covariance)

    def __repr__(self) -> str:
        return summary.as_text(self)

    def _repr_html_(self) -> str:
        return summary.as_html(self)
