"""A structure of the library as numbers: its right-hand side, outputs and starts where arguments and states have given values."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.integrate import solve_ivp

from popmix.model.declarations import Structure
from popmix.model.evaluation import value_of
from popmix.model.expression import Expression, Reference
from popmix.model.library import expand

OWNER = "part"


def use(word: Callable[..., Structure], *names: str, **texts: str) -> "Equations":
    """Return a structure whose arguments are references of the same names."""
    return Equations(word(**{name: Reference(name) for name in names}, **texts))


class Equations:
    """The expansion of a structure, evaluated."""

    def __init__(self, structure: Structure, named: bool = False) -> None:
        self.expansion = expand(OWNER, structure, named)

    def _values(self, expressions: Mapping[str, Expression | None], states: Mapping[str, float], values: Mapping[str, float]) -> dict:
        known = {**values, **{f"{OWNER}.{name}": value for name, value in states.items()}}
        return {name: 0.0 if each is None else value_of(each, known) for name, each in expressions.items()}

    def slopes(self, states: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """Return the derivatives by state."""
        return self._values({name: each.derivative for name, each in self.expansion.states.items()}, states, values)

    def outputs(self, states: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """Return the outputs by name."""
        return self._values(self.expansion.outputs, states, values)

    def start(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the states at the start."""
        return self._values({name: each.init for name, each in self.expansion.states.items()}, {}, values)

    def solve(self, times: np.ndarray, values: Mapping[str, float], states: Mapping[str, float] | None = None) -> dict[str, np.ndarray]:
        """Return states and outputs at times from 0, by an implicit method to a relative error of 1e-10."""
        first = {**self.start(values), **(states or {})}
        names = tuple(first)

        def right(t: float, y: np.ndarray) -> list[float]:
            return list(self.slopes(dict(zip(names, y, strict=True)), {**values, "T": t}).values())

        done = solve_ivp(right, (0, times[-1]), list(first.values()), t_eval=times, method="LSODA", rtol=1e-10, atol=1e-13)
        found = dict(zip(names, done.y, strict=True))
        points = [dict(zip(names, each, strict=True)) for each in done.y.T]
        outputs = [self.outputs(point, {**values, "T": t}) for t, point in zip(done.t, points, strict=True)]
        return found | {name: np.array([each[name] for each in outputs]) for name in self.expansion.outputs}


def random_values(seed: int, *names: str) -> dict[str, float]:
    """Return positive numbers between 0.2 and 5, evenly spread on the log scale."""
    generator = np.random.default_rng(seed)
    return {name: float(np.exp(generator.uniform(np.log(0.2), np.log(5)))) for name in names}
