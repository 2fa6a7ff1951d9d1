"""The centres of the random effects of every subject, mu = X c where they are linear, and the regression that finds c from phi."""

import ctypes
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from popmix.compiler.emit import Function, MachineCode, compile_functions
from popmix.compiler.lower import RECORD_INPUTS
from popmix.estimate.saem.lines import LOG, MARGIN, PLAIN, Link, own_link
from popmix.estimate.saem.references import References, references_of
from popmix.likelihood import Problem
from popmix.likelihood.units import present_effects

_DIRECTIONS, _COVARIATES, _TIMES = 1, 2, 3
_POINTER, _WORD = ctypes.c_void_p, ctypes.c_int64
_MOST_HALVINGS = 20
_LINKS = {"plain": PLAIN, "log": LOG}


@dataclass(frozen=True, eq=False)
class Centres:
    """The thetas that are centres, by position among the parameters, and how mu [subjects, effects] depends on their coordinates.

    `weights`: by subject, 0 for those who do not count; `present` [subjects, effects]: whether a subject has the effect. `effects`: of each
    host (an individual parameter with a centre) the positions of its effects, `bent` whether its mu is not linear.
    """

    problem: Problem
    positions: np.ndarray
    links: tuple[Link, ...]
    low: np.ndarray
    high: np.ndarray
    bent: tuple[bool, ...]
    weights: np.ndarray
    present: np.ndarray
    effects: tuple[np.ndarray, ...]
    code: MachineCode | None

    @classmethod
    def of(cls, problem: Problem, weights: np.ndarray) -> "Centres":
        """Find the centres of a problem."""
        parameters, circumstances = problem.compiled.lowered.parameters, problem.circumstances
        found = references_of(problem.model, problem.compiled.lowered, circumstances.varying)
        positions = np.array([parameters.index(name) for name in found.coordinates], dtype=np.int64)
        links = tuple(own_link(found.own[name]) if kind == "own" else _LINKS[kind] for name, kind in found.coordinates.items())
        with np.errstate(divide="ignore"):
            low = np.array([_bound(link, parameters.lower[k], 1) for link, k in zip(links, positions, strict=True)])
            high = np.array([_bound(link, parameters.upper[k], -1) for link, k in zip(links, positions, strict=True)])
        effects = tuple(
            np.flatnonzero(problem.effects.pattern == parameters.eta_names.index(host.effect)).astype(np.int64) for host in found.hosts
        )
        code = _compiled(problem, found) if found.hosts else None
        bent = tuple(host.is_bent for host in found.hosts)
        return cls(problem, positions, links, low, high, bent, weights, present_effects(problem), effects, code)

    @cached_property
    def is_linear(self) -> bool:
        """Whether all mu are linear in c."""
        return not any(self.bent)

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Return c for the values of all parameters."""
        return np.array([link.forward(values[k]) for link, k in zip(self.links, self.positions, strict=True)])

    def natural(self, c: np.ndarray) -> np.ndarray:
        """Return the thetas at c."""
        return np.array([link.inverse(one) for link, one in zip(self.links, c, strict=True)])

    def slopes(self, c: np.ndarray) -> np.ndarray:
        """Return d theta / d c."""
        return np.array([link.slope(one) for link, one in zip(self.links, c, strict=True)])

    def at(self, c: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mu [subjects, effects] and X = d mu / d c [subjects, effects, centres]; `values` are those of all parameters."""
        if self.is_linear:
            return self._design @ c, self._design
        changed = values.copy()
        changed[self.positions] = self.natural(c)
        mu, x = self._evaluated(changed)
        for effects, is_bent in zip(self.effects, self.bent, strict=True):
            if not is_bent:
                mu[:, effects] = x[:, effects] @ c
        return mu, x

    @cached_property
    def _design(self) -> np.ndarray:
        return self._evaluated(self.problem.compiled.lowered.parameters.values)[1]

    @cached_property
    def _products(self) -> np.ndarray:
        return self._squared(self._design)

    def _squared(self, x: np.ndarray) -> np.ndarray:
        """Return sum over subjects of w X_k X_m', [effects, effects, centres, centres]."""
        n, size, q = x.shape
        products = self._times_weights(x).T @ x.reshape(n, size * q)
        return np.ascontiguousarray(products.reshape(size, q, size, q).transpose(0, 2, 1, 3))

    def _times_weights(self, x: np.ndarray) -> np.ndarray:
        return (x * self.weights[:, None, None]).reshape(len(x), -1)

    @cached_property
    def _weighted(self) -> np.ndarray:
        return self._times_weights(self._design)

    def _evaluated(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        problem, n_hosts, q = self.problem, len(self.effects), len(self.positions)
        n, size = self.present.shape
        mu, x = np.zeros((n, size)), np.zeros((n, size, q))
        if self.code is None:
            return mu, x
        width = n_hosts * (1 + q)
        out, rows, fixed = np.zeros((n, width)), problem.timeline.first_row, np.ascontiguousarray(values[problem.compiled.positions])
        function = ctypes.CFUNCTYPE(None, _WORD, _WORD, _WORD, *[_POINTER] * 6)(self.code.addresses["centres"])
        arrays = (rows, np.zeros(1), fixed, problem.timeline.at, problem.timeline.times, out)
        function(0, n, n, *(one.ctypes.data for one in arrays))
        for host, effects in enumerate(self.effects):
            mu[:, effects] = out[:, host, None]
            x[:, effects] = out[:, None, n_hosts + host * q : n_hosts + (host + 1) * q]
        return mu * self.present, x * self.present[:, :, None]

    def regression(self, c: np.ndarray, values: np.ndarray, phi: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return c that minimises sum w (phi - mu)' P (phi - mu) within its bounds, and the information about it.

        Where mu is not linear this is one Gauss-Newton step from c, shortened until mu exists.
        """
        mu, x = self.at(c, values)
        products = self._products if self.is_linear else self._squared(x)
        information = (precision.ravel() @ products.reshape(precision.size, -1)).reshape(len(c), len(c))
        weighted = self._weighted if self.is_linear else self._times_weights(x)
        size, q = x.shape[1:]
        crossed = (weighted.T @ (phi - mu)).reshape(size, q, size)
        pulled = precision.ravel() @ crossed.transpose(0, 2, 1).reshape(precision.size, q)
        step = _within(information, pulled, c, self.low, self.high)
        for _ in range(0 if self.is_linear else _MOST_HALVINGS):
            if np.all(np.isfinite(self.at(c + step, values)[0])):
                break
            step = 0.5 * step
        return c + step, information


def _within(information: np.ndarray, pulled: np.ndarray, c: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the step A^-1 b from c, with coordinates that would leave their bounds held there."""
    step, held = _solved(information, pulled), np.zeros(len(c), dtype=bool)
    if np.all((c + step >= low) & (c + step <= high)):
        return step
    for _ in range(len(c)):
        free = ~held
        right = pulled[free] - information[np.ix_(free, held)] @ step[held]
        step[free] = _solved(information[np.ix_(free, free)], right)
        outside = free & ((c + step < low) | (c + step > high))
        if not outside.any():
            break
        step[outside] = np.clip((c + step)[outside], low[outside], high[outside]) - c[outside]
        held |= outside
    return step


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve; directions that no subject informs on stay as they are."""
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(matrix, right, rcond=1e-10)[0]


def _bound(link: Link, value: float, side: int) -> float:
    """Return the coordinate of a bound, a little inside of it."""
    if not np.isfinite(value) or (link is LOG and value <= 0):
        return -side * np.inf
    return link.forward(value + side * MARGIN * max(abs(value), MARGIN))


def _compiled(problem: Problem, found: References) -> MachineCode:
    """Compile mu of every host and its slopes, for the first records of all subjects."""
    compiled, lowered, q = problem.compiled, problem.compiled.lowered, len(found.coordinates)
    unknowns = (*lowered.thetas, *lowered.sigmas, *lowered.linked.values())
    inputs = {symbol: (_DIRECTIONS, k) for k, symbol in enumerate(unknowns)}
    inputs |= {symbol: (_COVARIATES, k) for k, symbol in enumerate(lowered.covariates.values())}
    inputs |= {symbol: (_TIMES, k) for k, symbol in enumerate(RECORD_INPUTS)}
    n_hosts, outputs, columns = len(found.hosts), {}, list(found.coordinates)
    for row, host in enumerate(found.hosts):
        if host.is_bent:
            outputs[row] = host.mu
        for theta, slope in host.slopes.items():
            outputs[n_hosts + row * q + columns.index(theta)] = slope
    widths = (len(compiled.covariates), len(RECORD_INPUTS), n_hosts * (1 + q))
    return compile_functions(lowered.program, [Function("centres", inputs, outputs, widths)])
