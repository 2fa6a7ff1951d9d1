"""A world: a model, true values, and a simulation that does not use popmix's likelihoods."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from popmix.model import Model

Rows = list[dict[str, object]]
Simulation = Callable[[np.random.Generator, Mapping[str, float], int], Rows]


@dataclass(frozen=True)
class World:
    """`simulate(rng, true values, subjects)` returns records; `methods` are those that honour the model, the first one fits it."""

    title: str
    model: Model
    truth: Mapping[str, float]
    simulate: Simulation
    subjects: int = 150
    methods: tuple[str, ...] = ("laplace",)
    columns: tuple[str, ...] = field(default=())

    def data(self, seed: int, subjects: int | None = None) -> pl.DataFrame:
        """Return a simulated data set."""
        rows = self.simulate(np.random.default_rng(seed), self.truth, subjects or self.subjects)
        return pl.DataFrame(rows, infer_schema_length=None)


def expit(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def longitudinal(value: Callable, times: tuple[float, ...], effects: Callable, **constant: Callable) -> Simulation:
    """Return a simulation with one record for each time: `value(rng, effects of the subject, truth, time)` is observed.

    `effects(rng, truth)` draws what belongs to a subject; `constant` columns are drawn once for each subject.
    """

    def simulate(rng: np.random.Generator, truth: Mapping[str, float], subjects: int) -> Rows:
        rows = []
        for subject in range(1, subjects + 1):
            about = {name: draw(rng, subject) for name, draw in constant.items()}
            own = effects(rng, truth)
            rows += [{"ID": subject, "TIME": time, "DV": float(value(rng, own, truth, time, about))} | about for time in times]
        return rows

    return simulate


def dosed(observed: Callable, times: tuple[float, ...], effects: Callable, dose: float = 100.0) -> Simulation:
    """Return a simulation with a bolus at time 0 and a record for each time: `observed(rng, effects, truth, time)` returns its columns."""

    def simulate(rng: np.random.Generator, truth: Mapping[str, float], subjects: int) -> Rows:
        rows = []
        for subject in range(1, subjects + 1):
            own = effects(rng, truth)
            found = [observed(rng, own, truth, time) for time in times]
            blank = dict.fromkeys(found[0], None)
            rows.append({"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": dose} | blank)
            rows += [{"ID": subject, "TIME": time, "EVID": 0, "AMT": 0.0} | one for time, one in zip(times, found, strict=True)]
        return rows

    return simulate
