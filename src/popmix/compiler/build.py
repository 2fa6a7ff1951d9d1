"""A model as addresses of compiled functions, with the sizes and index lists that the engine needs.

Layouts of `out` (D directions, S of them structural, U unknowns, m local inputs of an endpoint; row-major):

- individual: d [D], first derivatives [D, U], second derivatives [D, U, U]; passive directions last (`shown_individual`: of tables)
- rates, dosing, initial: values [n], first derivatives [n, S], second derivatives [n, S, S]
- profiles: densities [n], first derivatives [n, 1 + S], second derivatives [n, 1 + S, 1 + S], by TAD and then the directions
- observe: two outputs [2], gradients [2, m], second derivatives [2, m, m] (lower triangle); three with a memory
- shares: shares of the latent groups [n], first derivatives by thetas and sigmas [n, X]

Functions of order 0 write the values only; `observe_{k}_all` does so for successive observations. `show_{k}` are like `observe_{k}`, for
what tables show of an outcome.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from popmix.compiler.directions import GRAINS, Directions
from popmix.compiler.dynamics import Shape, linear_part
from popmix.compiler.emit import Function, MachineCode, compile_functions
from popmix.compiler.endpoints import Endpoint
from popmix.compiler.equations import Patterns, equation_functions
from popmix.compiler.lower import RECORD_INPUTS, TIME, TIME_AFTER_DOSE, lower
from popmix.compiler.lowered import PLAIN, Circumstances, Lowered
from popmix.compiler.program import ZERO, Program, Symbolic
from popmix.compiler.signs import is_positive
from popmix.model.model import Model

_AMOUNTS, _DIRECTIONS, _COVARIATES, _TIMES = range(4)
Apart = Callable[[Symbolic, Symbolic], bool]


@dataclass(frozen=True, eq=False)
class CompiledEndpoint:
    """An observed quantity: addresses of its functions and the positions of its local inputs.

    `states` and `directions` list the amounts and directions that it reads; local inputs are first the states, then the directions, then
    what it `remembers`. `active` lists, for its outputs, the directions on which they depend, through the amounts or on their own. The rest
    is as in `lowered`.
    """

    lowered: Endpoint
    is_free: bool
    remembers: bool
    values: int
    all_values: int
    derivatives: int
    states: np.ndarray
    directions: np.ndarray
    active: tuple[np.ndarray, ...]


class _Locals(NamedTuple):
    """Index lists of an endpoint, as in CompiledEndpoint."""

    states: np.ndarray
    directions: np.ndarray
    active: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """Addresses and sizes of one model for one set of circumstances.

    `depends` [directions, unknowns]: which derivatives of directions are not always zero. `positions`: where the values of its unknowns
    other than etas stand among the parameters.
    """

    code: MachineCode
    lowered: Lowered
    covariates: tuple[str, ...]
    n_etas: int
    n_directions: int
    n_structural: int
    n_shown: int
    depends: np.ndarray
    n_individual: int
    shape: Shape | None
    patterns: Patterns | None
    is_linear: bool
    reads_time: bool
    reads_time_after_dose: bool
    n_rates: int
    rates_vary: bool
    positions: np.ndarray
    n_positive: int
    n_checked: int
    domain_varies: bool
    dosing: tuple[tuple[str, int], ...]
    profiles: tuple[int, ...]
    endpoints: tuple[CompiledEndpoint, ...]
    shown: tuple[CompiledEndpoint, ...]
    reported: tuple[str, ...]

    @property
    def n_unknowns(self) -> int:
        """Thetas, sigmas, SDs that stand in expressions, and etas, in this order."""
        return len(self.positions) + self.n_etas

    def address(self, name: str) -> int:
        """Return the address of a compiled function."""
        return self.code.addresses[name]


@lru_cache(maxsize=256)
def compile_model(
    model: Model,
    circumstances: Circumstances = PLAIN,
    *,
    positive: frozenset[str] = frozenset(),
    as_equations: bool = False,
) -> CompiledModel:
    """Compile a model for what the data decide about it. Equal models are compiled once.

    `positive` names the covariates that are positive everywhere, which spares checks; `as_equations` solves differential equations even
    where a closed form exists. Raises SupportError for declarations that can't be fitted.
    """
    return _Build(lower(model, as_equations=as_equations, circumstances=circumstances), circumstances, positive).run()


@dataclass(frozen=True, eq=False)
class _Cut:
    """The expressions of a model cut into directions: the structural ones, then others of the likelihood, then those of tables alone."""

    directions: Directions
    n_structural: int
    n_likelihood: int
    rates: list[Symbolic]
    dosing: list[Symbolic]
    profiles: list[Symbolic]
    derivatives: list[Symbolic]
    initial: list[Symbolic]
    outcomes: list[tuple[Symbolic, ...]]
    shown: list[tuple[Symbolic, ...]]


class _Build:
    def __init__(self, lowered: Lowered, circumstances: Circumstances, positive: frozenset[str]) -> None:
        self.lowered = lowered
        self.program: Program = lowered.program
        self.unknowns = (*lowered.thetas, *lowered.sigmas, *lowered.linked.values(), *lowered.etas)
        selectors = (one.selector for one in lowered.copies)
        varying = (lowered.covariates[name] for name in circumstances.varying)
        self.memories = [one.memory for one in lowered.endpoints]
        self.record_level = {*RECORD_INPUTS, *lowered.amounts, *varying, *selectors, *filter(None, self.memories)}
        self.covariate_inputs = {symbol: (_COVARIATES, k) for k, symbol in enumerate(lowered.covariates.values())}
        self.covariate_inputs |= {symbol: (_TIMES, k) for k, symbol in enumerate(RECORD_INPUTS)}
        self.functions: list[Function] = []
        self.domain = self._domain({lowered.covariates[name] for name in positive})

    def run(self) -> CompiledModel:
        lowered, cut = self.lowered, self._cut()
        directions, structural = cut.directions, cut.directions.symbols[: cut.n_structural]
        self.apart = directions.never_together
        self._add_individual(cut)
        self._add_structural("rates", cut.rates, structural)
        self._add_structural("dosing", cut.dosing, structural)
        self._add_structural("initial", cut.initial, structural)
        self._add_structural("profiles", cut.profiles, structural, TIME_AFTER_DOSE)
        patterns = self._add_equations(cut.derivatives, structural) if lowered.dynamics else None
        observed_of, shown_of = self._add_endpoints(cut)
        self._add_shares()
        code = compile_functions(self.program, self.functions)
        observed, shown = self._endpoints(code, observed_of, shown_of)
        reactive = lowered.rates or (lowered.dynamics.derivatives if lowered.dynamics else ())
        return CompiledModel(
            code=code,
            lowered=lowered,
            covariates=tuple(lowered.covariates),
            n_etas=len(lowered.etas),
            n_directions=cut.n_likelihood,
            n_shown=len(directions.symbols),
            depends=self._dependence(directions),
            n_individual=self.n_individual,
            n_structural=cut.n_structural,
            shape=lowered.shape,
            patterns=patterns,
            reads_time=any(TIME in self.program.leaves(one) for one in reactive),
            reads_time_after_dose=any(TIME_AFTER_DOSE in self.program.leaves(one) for one in reactive),
            is_linear=bool(lowered.dynamics and linear_part(self.program, lowered.dynamics, {TIME, TIME_AFTER_DOSE}) is not None),
            n_rates=len(cut.rates),
            rates_vary=any(self.program.leaves(one) & self._changing() for one in reactive),
            positions=self._positions(),
            n_positive=sum(must_be for _, must_be in self.domain),
            n_checked=len(self.domain),
            domain_varies=any(self.program.leaves(one) & self.record_level for one, _ in self.domain),
            dosing=tuple(lowered.dosing),
            profiles=tuple(lowered.profiles),
            endpoints=observed,
            shown=shown,
            reported=tuple(lowered.reported),
        )

    def _endpoints(
        self, code: MachineCode, observed_of: list[_Locals], shown_of: dict[int, _Locals]
    ) -> tuple[tuple[CompiledEndpoint, ...], tuple[CompiledEndpoint, ...]]:
        """Return the endpoints for likelihoods and for tables, the same where they show what the likelihood has."""
        declared = self.lowered.endpoints
        observed = tuple(_endpoint(f"observe_{k}", one, one.is_free, code, observed_of[k]) for k, one in enumerate(declared))
        shown = (_endpoint(f"show_{k}", one, False, code, shown_of[k]) if k in shown_of else observed[k] for k, one in enumerate(declared))
        return observed, tuple(shown)

    def _dependence(self, directions: Directions) -> np.ndarray:
        found = np.zeros((len(directions.symbols), len(self.unknowns)), dtype=np.int64)
        for row, expression in enumerate(directions.expressions):
            leaves = self.program.leaves(expression)
            found[row] = [unknown in leaves for unknown in self.unknowns]
        return found

    def _positions(self) -> np.ndarray:
        parameters, n_plain = self.lowered.parameters, len(self.lowered.thetas) + len(self.lowered.sigmas)
        return np.array([*range(n_plain), *(parameters.index(name) for name in self.lowered.linked)], dtype=np.int64)

    def _domain(self, covariates: set[Symbolic]) -> list[tuple[Symbolic, bool]]:
        """Return what has to be checked for each subject, first what must be positive: not what is known, nor what amounts decide."""
        lowered, program = self.lowered, self.program
        positive = covariates | {symbol for symbol, lower in zip(lowered.thetas, lowered.parameters.lower, strict=False) if lower >= 0}
        found = [
            (self._of_record(one), must_be)
            for one, must_be in lowered.domain
            if (leaves := program.leaves(one)) and not leaves.intersection(lowered.amounts) and not is_positive(program, one, positive)
        ]
        return sorted(found, key=lambda each: not each[1])

    def _of_record(self, expression: Symbolic) -> Symbolic:
        """Return an expression with the effects of the occasion of a record."""
        for one in self.lowered.copies:
            if not self.program.leaves(expression).isdisjoint(one.becomes[0]):
                options = [self.program.substitute(expression, becomes) for becomes in one.becomes]
                expression = self.program.choose(one.selector, options)
        return expression

    def _changing(self) -> set[Symbolic]:
        """Return what makes the parameters of an interval differ from those of the one before; equations know the time themselves."""
        own = {TIME, TIME_AFTER_DOSE, *self.lowered.amounts} if self.lowered.dynamics else set()
        return (self.record_level - own).union(*(one.becomes[0] for one in self.lowered.copies))

    def _cut(self) -> _Cut:
        """Cut into the largest constant parts or, with differential equations, as finely as gives the fewest directions."""
        grains = GRAINS if self.lowered.dynamics else GRAINS[:1]
        return min((self._cut_into(grain) for grain in grains), key=lambda cut: cut.n_structural)

    def _cut_into(self, grain: str) -> _Cut:
        lowered, dynamics = self.lowered, self.lowered.dynamics
        held = lowered.parameters.fixed[self._positions()]
        fixed = [symbol for symbol, is_held in zip(self.unknowns, held, strict=False) if is_held]
        directions = Directions(self.program, self.unknowns, self.record_level, fixed, grain, lowered.copies)
        rates = [directions.cut(rate) for rate in lowered.rates]
        dosing = [directions.cut(value) for value in lowered.dosing.values()]
        profiles = [directions.cut(one) for one in lowered.profiles.values()]
        derivatives = [directions.cut(one) for one in dynamics.derivatives] if dynamics else []
        initial = [directions.cut(one) for one in dynamics.initial] if dynamics else []
        n_structural = len(directions.symbols)
        outcomes = [tuple(directions.cut(one) for one in each.outputs) for each in lowered.endpoints]
        n_likelihood = len(directions.symbols)
        shown = [tuple(directions.cut(one) for one in each.shown) for each in lowered.endpoints]
        return _Cut(directions, n_structural, n_likelihood, rates, dosing, profiles, derivatives, initial, outcomes, shown)

    def _add_equations(self, derivatives: list[Symbolic], structural: Sequence[Symbolic]) -> Patterns:
        amounts = self.lowered.amounts
        inputs = {symbol: (_DIRECTIONS, k) for k, symbol in enumerate(structural)} | self.subject_inputs
        inputs |= {symbol: (_AMOUNTS, k) for k, symbol in enumerate(amounts)}
        functions, patterns = equation_functions(self.program, derivatives, amounts, structural, (TIME, TIME_AFTER_DOSE), inputs)
        self.functions.extend(functions)
        return patterns

    def _add_individual(self, cut: _Cut) -> None:
        """Add the functions of a subject; what it passes on as plain numbers stands behind all directions and their derivatives."""
        n, u, held = len(cut.directions.symbols), len(self.unknowns), cut.directions.passive
        first = n * (1 + u + u * u)
        self.n_individual = first + len(held)
        self.subject_inputs = self.covariate_inputs | {symbol: (_DIRECTIONS, first + k) for k, symbol in enumerate(held)}
        passive = dict(enumerate(held.values(), start=first))
        inputs = {symbol: (_DIRECTIONS, k) for k, symbol in enumerate(self.unknowns)} | self.covariate_inputs
        for name, number in (("individual", cut.n_likelihood), ("shown_individual", len(cut.directions.symbols))):
            found = cut.directions.expressions[:number]
            self.functions.append(Function(f"{name}_0", inputs, dict(enumerate(found)) | passive))
            self.functions.append(Function(f"{name}_2", inputs, self._jet(found, self.unknowns, symmetric=True) | passive))
            if number == len(cut.directions.symbols):
                break
        reported = [self._of_record(one) for one in self.lowered.reported.values()]
        self.functions.append(Function("reported", inputs, dict(enumerate(reported))))
        self.functions.append(Function("domain", inputs, dict(enumerate(one for one, _ in self.domain))))

    def _add_structural(self, name: str, expressions: list[Symbolic], structural: Sequence[Symbolic], *before: Symbolic) -> None:
        """Add a function of the structural directions; derivatives are by `before`, then by these."""
        inputs = {symbol: (_DIRECTIONS, k) for k, symbol in enumerate(structural)} | self.subject_inputs
        self.functions.append(Function(f"{name}_0", inputs, dict(enumerate(expressions))))
        self.functions.append(
            Function(f"{name}_2", inputs, self._jet(expressions, (*before, *structural), symmetric=True, apart=self.apart))
        )

    def _add_shares(self) -> None:
        """Add the shares of latent groups, with their derivatives by thetas and sigmas."""
        inputs = {symbol: (_DIRECTIONS, k) for k, symbol in enumerate(self.unknowns)} | self.covariate_inputs
        fixed, shares = self.unknowns[: len(self._positions())], self.lowered.shares
        outputs = dict(enumerate(shares))
        for row, share in enumerate(shares):
            slopes = (self.program.differentiate(share, unknown) for unknown in fixed)
            outputs |= {len(shares) + row * len(fixed) + column: slope for column, slope in enumerate(slopes)}
        self.functions.append(Function("shares", inputs, outputs))

    def _add_endpoints(self, cut: _Cut) -> tuple[list[_Locals], dict[int, _Locals]]:
        """Add the functions of all endpoints, and those for tables where these show something else; return their index lists."""
        symbols, n = cut.directions.symbols, cut.n_structural
        observed = [self._add_endpoint(f"observe_{k}", one, symbols, n) for k, one in enumerate(cut.outcomes)]
        others = {k: one for k, one in enumerate(cut.shown) if one != cut.outcomes[k]}
        return observed, {k: self._add_endpoint(f"show_{k}", one, symbols, n) for k, one in others.items()}

    def _add_endpoint(self, name: str, outcome: tuple[Symbolic, Symbolic], directions: Sequence[Symbolic], n_structural: int) -> _Locals:
        leaves = set().union(*map(self.program.leaves, outcome))
        states = [index for index, symbol in enumerate(self.lowered.amounts) if symbol in leaves]
        used = [index for index, symbol in enumerate(directions) if symbol in leaves]
        inputs = {symbol: (_AMOUNTS, index) for index, symbol in enumerate(self.lowered.amounts)} | self.subject_inputs
        inputs |= {symbol: (_DIRECTIONS, index) for index, symbol in enumerate(directions)}
        memories = [one for one in self.memories if one is not None and one in leaves]
        inputs |= {one: (_AMOUNTS, len(self.lowered.amounts) + self.memories.index(one)) for one in memories}
        local = [self.lowered.amounts[index] for index in states] + [directions[index] for index in used] + memories
        self.functions.append(Function(f"{name}_0", inputs, dict(enumerate(outcome))))
        widths = (len(self.lowered.covariates), len(RECORD_INPUTS), 2)
        self.functions.append(Function(f"{name}_all", inputs, dict(enumerate(outcome[:2])), widths))
        self.functions.append(Function(f"{name}_2", inputs, self._jet(outcome, local, symmetric=False, apart=self.apart)))
        active = tuple(self._active(one, outcome, directions, n_structural) for one in outcome)
        return _Locals(np.array(states, dtype=np.int64), np.array(used, dtype=np.int64), active)

    def _active(self, expression: Symbolic, outcome: tuple[Symbolic, ...], directions: Sequence[Symbolic], n_structural: int) -> np.ndarray:
        leaves = self.program.leaves(expression)
        if not leaves.isdisjoint(filter(None, self.memories)):
            leaves |= self.program.leaves(outcome[-1])
        through = n_structural if leaves.intersection(self.lowered.amounts) else 0
        return np.array([index for index, symbol in enumerate(directions) if index < through or symbol in leaves], dtype=np.int64)

    def _jet(
        self, expressions: Sequence[Symbolic], variables: Sequence[Symbolic], symmetric: bool, apart: Apart = lambda one, other: False
    ) -> dict[int, Symbolic]:
        """Return values, first and second derivatives by position; zeros are left out, the lower triangle always written.

        `apart` tells which variables never meet in one evaluation.
        """
        n, size = len(expressions), len(variables)
        outputs: dict[int, Symbolic] = {}
        for row, expression in enumerate(expressions):
            outputs[row] = expression
            for first in range(size):
                slope = self.program.differentiate(expression, variables[first])
                if slope == ZERO:
                    continue
                outputs[n + row * size + first] = slope
                for second in range(first + 1):
                    if apart(variables[first], variables[second]):
                        continue
                    curve = self.program.differentiate(slope, variables[second])
                    if curve == ZERO:
                        continue
                    block = n + n * size + row * size * size
                    outputs[block + first * size + second] = curve
                    if symmetric:
                        outputs[block + second * size + first] = curve
        return outputs


def _endpoint(function: str, lowered: Endpoint, is_free: bool, code: MachineCode, local: _Locals) -> CompiledEndpoint:
    return CompiledEndpoint(
        lowered=lowered,
        is_free=is_free,
        remembers=len(local.active) > 2,
        values=code.addresses[f"{function}_0"],
        all_values=code.addresses[f"{function}_all"],
        derivatives=code.addresses[f"{function}_2"],
        states=local.states,
        directions=local.directions,
        active=local.active,
    )
