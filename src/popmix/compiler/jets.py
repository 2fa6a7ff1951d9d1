"""Right-hand sides of differential equations together with those of their sensitivities, in one compiled function.

With x' = f(x, d, t) and packed states X [n, M] as in `popmix.engine.equations`,

    out_d  = sum_j f_xj X_j,d + f_d
    out_de = sum_j f_xj X_j,de + sum_j W_j,d X_j,e + sum_j f_xje X_j,d + f_de,     W_j,d = sum_k f_xjxk X_k,d + f_xjd

where only derivatives of f that are not always zero occur. Everything is unrolled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import llvmlite.ir as ir

from popmix.compiler.emit import DOUBLE, Emitter, Function
from popmix.compiler.program import Program, Symbolic

Entries = dict[tuple[int, ...], Symbolic]
_AMOUNTS, _OUT = 0, 4
# lets a product and a sum become one instruction
_FUSED = ("contract",)


@dataclass(frozen=True)
class Expansion:
    """f and its derivatives that are not zero, by (equation, ...): see `popmix.compiler.equations.Patterns` for the indices."""

    values: Entries
    x: Entries = field(default_factory=dict)
    d: Entries = field(default_factory=dict)
    xx: Entries = field(default_factory=dict)
    xd: Entries = field(default_factory=dict)
    dd: Entries = field(default_factory=dict)

    def flat(self) -> list[Symbolic]:
        """Return all expressions in one list."""
        parts = (self.values, self.x, self.d, self.xx, self.xd, self.dd)
        return [expression for part in parts for expression in part.values()]


@dataclass(frozen=True)
class JetFunction(Function):
    """A function whose outputs are the derivatives by time of a packed state with `n_directions` directions."""

    expansion: Expansion = field(default_factory=lambda: Expansion({}))
    n_directions: int = 0
    second: bool = False

    @classmethod
    def of(
        cls, name: str, inputs: Mapping[Symbolic, tuple[int, int]], expansion: Expansion, n_directions: int, second: bool
    ) -> "JetFunction":
        """Return the function of an expansion of f; with `second` for second derivatives too."""
        return cls(name, inputs, dict(enumerate(expansion.flat())), None, expansion, n_directions, second)

    def emitter(self, module: ir.Module, program: Program) -> "JetEmitter":
        """Return what emits this function."""
        return JetEmitter(module, program, self)


class JetEmitter(Emitter):
    """Emits the derivatives of f as scalars, and combines them with the sensitivities of the state."""

    def __init__(self, module: ir.Module, program: Program, function: JetFunction) -> None:
        super().__init__(module, program, function)
        self.s, self.second = function.n_directions, function.second
        self.width = 1 + self.s + (self.s * (self.s + 1) // 2 if function.second else 0)
        self.states: dict[int, ir.Value] = {}
        self.expansion = function.expansion

    def run(self) -> None:
        """Emit the derivatives of f, then equation after equation."""
        emitted = iter([self.value(expression) for expression in self.outputs.values()])
        own = self.expansion
        self.values, self.x, self.d, self.xx, self.xd, self.dd = (
            {key: next(emitted) for key in part} for part in (own.values, own.x, own.d, own.xx, own.xd, own.dd)
        )
        for (i,), value in self.values.items():
            self.builder.store(value, self.place(_OUT, i * self.width))
            self._first(i)
            if self.second:
                self._second(i)
        self.builder.ret_void()

    def _first(self, i: int) -> None:
        for d in range(self.s):
            start = self.d.get((i, d))
            terms = [(value, self._state(j, 1 + d)) for (row, j), value in self.x.items() if row == i]
            self.builder.store(self._total(start, terms), self.place(_OUT, i * self.width + 1 + d))

    def _second(self, i: int) -> None:
        weights = self._weights(i)
        for d in range(self.s):
            for e in range(d + 1):
                column = self._column(d, e)
                terms = [(value, self._state(j, column)) for (row, j), value in self.x.items() if row == i]
                terms += [(by_direction[d], self._state(j, 1 + e)) for j, by_direction in weights.items() if by_direction[d] is not None]
                terms += [(value, self._state(j, 1 + d)) for (row, j, other), value in self.xd.items() if row == i and other == e]
                start = self.dd.get((i, d, e))
                self.builder.store(self._total(start, terms), self.place(_OUT, i * self.width + column))

    def _weights(self, i: int) -> dict[int, list[ir.Value | None]]:
        """Return W_j,d of equation i by state j."""
        curves: dict[tuple[int, int], ir.Value] = {}
        for (row, j, k), value in self.xx.items():
            if row == i:
                curves[j, k] = curves[k, j] = value
        states = sorted({j for j, _ in curves} | {j for row, j, _ in self.xd if row == i})
        weights = {}
        for j in states:
            through = [(value, k) for (own, k), value in curves.items() if own == j]
            weights[j] = [
                self._total(self.xd.get((i, j, d)), [(value, self._state(k, 1 + d)) for value, k in through]) for d in range(self.s)
            ]
            weights[j] = [None if value is _NOTHING else value for value in weights[j]]
        return weights

    def _column(self, d: int, e: int) -> int:
        return 1 + self.s + d * (d + 1) // 2 + e

    def _state(self, j: int, column: int) -> ir.Value:
        position = j * self.width + column
        if position not in self.states:
            self.states[position] = self.builder.load(self.place(_AMOUNTS, position))
        return self.states[position]

    def _total(self, start: ir.Value | None, terms: list[tuple[ir.Value, ir.Value]]) -> ir.Value:
        total = start
        for left, right in terms:
            product = self.builder.fmul(left, right, flags=_FUSED)
            total = product if total is None else self.builder.fadd(total, product, flags=_FUSED)
        return _NOTHING if total is None else total


_NOTHING = ir.Constant(DOUBLE, 0.0)
