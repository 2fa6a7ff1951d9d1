"""What tests share: helpers by name (`shared_models`), and a fit that was never estimated, for code that only shows or writes one."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from popmix.app.theophylline import Theophylline
from popmix.data import EventTable, datasets
from popmix.estimate.solution import Solution
from popmix.likelihood import AUTOMATIC
from popmix.model import Model
from popmix.model.parameters import Parameters, parameters_of
from popmix.table import Table

sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class FakeMethod:
    interaction: bool = True
    name = "focei"


@dataclass(frozen=True)
class FakeConvergence:
    converged: bool = True
    reason: str = "the scaled gradient is 2e-6 and the objective no longer falls."
    gradient_norm: float = 2e-6
    iterations: int = 14
    evaluations: int = 22
    evaluated_only: bool = False


@dataclass(frozen=True)
class FakeFit:
    """The fields of a Fit, with numbers from nowhere."""

    model: Model
    data: EventTable
    parameters: Parameters
    start: Parameters
    method: FakeMethod = FakeMethod()
    convergence: FakeConvergence = FakeConvergence()
    solution: Solution = field(default_factory=lambda: Solution("closed form", AUTOMATIC))
    ofv: float = 116.125
    prior: float = 0.0
    minus2ll: float = 358.725
    aic: float = 374.725
    bic: float = 397.787
    n_subjects: int = 12
    n_observations: int = 132
    se: dict[str, float] = field(default_factory=dict)
    shrinkage: dict[str, float] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=lambda: {"compile": 0.08, "fit": 0.0512})
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=lambda: {"popmix": "0.1.0"})
    messages: tuple[str, ...] = ()
    weights: np.ndarray = field(default_factory=lambda: np.ones(12))

    def estimates(self, covariance: Any = None) -> Table:
        own = self.parameters
        nan = np.full(len(own), np.nan)
        se = np.array([self.se.get(name, np.nan) for name in own.names])
        columns = {"name": own.names, "value": own.values, "se": se, "rse": 100 * se / own.values, "lower": nan, "upper": nan}
        return Table(columns | {"fixed": own.fixed, "unit": np.array(own.units, dtype=object)})

    @property
    def trace(self) -> Table:
        return Table({"iteration": np.arange(2), "ofv": np.array([1.0, 0.5])})

    @property
    def individuals_table(self) -> Table:
        names = self.parameters.eta_names
        ids = np.array(self.data.ids, dtype=object)
        etas = {f"eta_{name}": np.linspace(-0.1, 0.1, len(ids)) for name in names}
        return Table({"ID": ids, "OFV": np.full(len(ids), 9.5), "STATUS": np.zeros(len(ids), dtype=int)} | etas)

    @property
    def predictions_table(self) -> Table:
        rows = self.data.scored
        ids = np.array(self.data.ids, dtype=object)[self.data.subject[rows]]
        return Table({"ID": ids, "TIME": self.data.time[rows], "DV": self.data.dv[rows], "NPDE": np.full(len(ids), np.nan)})

    def __str__(self) -> str:
        return "a fake fit"

    def summary(self, covariance: Any = None) -> str:
        return str(self)


@pytest.fixture
def make_fit() -> Any:
    """Return a maker of fake fits; keywords replace fields."""

    def make(model: Model = Theophylline, **changes: Any) -> FakeFit:
        start = parameters_of(model)
        whole = {"model": model, "data": datasets.load("theophylline"), "parameters": start, "start": start}
        whole["shrinkage"] = dict.fromkeys(start.eta_names, 4.25)
        return FakeFit(**whole | changes)

    return make
