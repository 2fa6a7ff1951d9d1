"""Which thetas are the centres of random effects: those that a model reads only in typical values of individual parameters.

On the scale on which an individual parameter is normal it is phi = mu(theta, covariates) + eta. A theta that is read nowhere else acts on
the data through phi alone, and an EM algorithm that keeps phi finds it from phi in closed form: on its coordinate c (itself, its logarithm,
or its place on the scale of the parameter) mu is linear, mu = X c + ..., with X of the covariates, or else it is followed by
Gauss-Newton steps. All this is read off the declarations and their derivatives, nothing is tried out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import symengine

from popmix.compiler.individual import as_number
from popmix.compiler.lower import RECORD_INPUTS
from popmix.compiler.lowered import Lowered
from popmix.compiler.program import Program, Symbolic
from popmix.model.declarations import IndividualParameter, Named
from popmix.model.expression import names_in
from popmix.model.model import Model

_FAMILIES = ("Normal", "LogNormal", "LogitNormal", "ProbitNormal")


@dataclass(frozen=True, eq=False)
class Host:
    """An individual parameter with a centre: `effect`, the name of its random effect, and mu; `slopes` d mu / d c by theta.

    Where it is bent some slope depends on what is estimated.
    """

    name: str
    effect: str
    mu: Symbolic
    slopes: dict[str, Symbolic]
    is_bent: bool


@dataclass(frozen=True, eq=False)
class References:
    """Thetas that are centres with the kind of their coordinate ("plain", "log" or "own"), and the parameters whose centres they are.

    `own` thetas are the typical value of one parameter, by name.
    """

    coordinates: dict[str, str]
    own: dict[str, IndividualParameter]
    hosts: tuple[Host, ...]


def references_of(model: Model, lowered: Lowered, varying: frozenset[str]) -> References:
    """Return the centres of a model; `varying` names the covariates that change within a subject."""
    return _Search(model, lowered, varying).run()


class _Search:
    def __init__(self, model: Model, lowered: Lowered, varying: frozenset[str]) -> None:
        self.model, self.lowered, self.program = model, lowered, lowered.program
        parameters = lowered.parameters
        self.symbols = {name: symbol for name, symbol in zip(model.thetas, lowered.thetas, strict=True)}
        self.free = {name: symbol for name, symbol in self.symbols.items() if not parameters.fixed[parameters.index(name)]}
        self.effects = {symengine.Symbol(f"eta_{name}") for name in parameters.eta_names}
        changing = (lowered.covariates[name] for name in varying)
        selectors = (one.selector for one in lowered.copies)
        self.of_record = {*RECORD_INPUTS, *lowered.amounts, *changing, *selectors}
        self.mu = {name: self._normal_scale(name) for name in model.parameters if self._may_have_centre(name)}

    def run(self) -> References:
        candidates = {name for name in self.free if self._is_centre(name)}
        coordinates = {name: kind for name in sorted(candidates) if (kind := self._linear_coordinate(name))}
        bent = candidates - set(coordinates)
        while (kept := {name for name in bent if self._can_follow(name, bent | set(coordinates))}) != bent:
            bent = kept
        coordinates |= {name: "log" if self._is_positive(name) else "plain" for name in bent}
        coordinates = {name: coordinates[name] for name in self.free if name in coordinates}
        hosts = tuple(host for name in self.mu if (host := self._host(name, coordinates)).slopes)
        own = {name: self.model.parameters[self._readers(name)[0]] for name, kind in coordinates.items() if kind == "own"}
        return References(coordinates, own, hosts)

    def _may_have_centre(self, name: str) -> bool:
        declared = self.model.parameters[name]
        random = declared.iiv is not None or declared.iov is not None
        leaves = self.program.leaves(self.lowered.typical[name])
        return declared.family in _FAMILIES and random and leaves.isdisjoint(self.effects)

    def _normal_scale(self, name: str) -> Symbolic:
        return _SCALES[self.model.parameters[name].family](self.program, self.model.parameters[name], self.lowered.typical[name])

    def _is_centre(self, theta: str) -> bool:
        """Whether a theta is read in typical values of parameters with a centre, and nowhere else."""
        return bool(self._readers(theta)) and self._read_only_inside(theta)

    def _readers(self, theta: str) -> list[str]:
        return [name for name, mu in self.mu.items() if self.symbols[theta] in self.program.leaves(mu)]

    def _read_only_inside(self, name: str) -> bool:
        for reader, one in self.model.declarations.items():
            if name not in one.names():
                continue
            if isinstance(one, Named):
                if not self._read_only_inside(reader):
                    return False
            elif not isinstance(one, IndividualParameter) or reader not in self.mu or self._reads_elsewhere(one, name):
                return False
        return True

    def _reads_elsewhere(self, one: IndividualParameter, name: str) -> bool:
        return any(name in names_in(each) for each in (one.shape, one.df) if each is not None)

    def _linear_coordinate(self, theta: str) -> str | None:
        readers = self._readers(theta)
        if len(readers) == 1 and self.lowered.typical[readers[0]] == self.symbols[theta]:
            return {"Normal": "plain", "LogNormal": "log"}.get(self.model.parameters[readers[0]].family, "own")
        kinds = ("plain", "log") if self._is_positive(theta) else ("plain",)
        return next((kind for kind in kinds if all(self._is_constant(self._slope(name, theta, kind)) for name in readers)), None)

    def _slope(self, name: str, theta: str, kind: str) -> Symbolic:
        if kind == "own":
            return symengine.Integer(1)
        slope = self.program.differentiate(self.mu[name], self.symbols[theta])
        return symengine.expand(slope * self.symbols[theta] if kind == "log" else slope)

    def _is_constant(self, slope: Symbolic) -> bool:
        return self.program.leaves(slope).isdisjoint({*self.free.values(), *self.of_record})

    def _is_positive(self, theta: str) -> bool:
        declared = self.model.thetas[theta]
        return declared.lower is not None and declared.lower >= 0

    def _can_follow(self, theta: str, centres: set[str]) -> bool:
        """Whether mu of its readers depends on centres alone, and is constant within a subject."""
        others = {symbol for name, symbol in self.free.items() if name not in centres}
        return all(self.program.leaves(self.mu[name]).isdisjoint(others | self.of_record) for name in self._readers(theta))

    def _host(self, name: str, coordinates: dict[str, str]) -> Host:
        leaves = self.program.leaves(self.mu[name])
        slopes = {theta: self._slope(name, theta, kind) for theta, kind in coordinates.items() if self.symbols[theta] in leaves}
        effect = name if self.model.parameters[name].iiv is not None else f"kappa_{name}"
        return Host(name, effect, self.mu[name], slopes, not all(self._is_constant(slope) for slope in slopes.values()))


def logarithm(program: Program, expression: Symbolic) -> Symbolic:
    """Return the logarithm of a positive expression, products and powers taken apart."""
    if isinstance(expression, symengine.Mul) and not any(one.is_Number and float(one) <= 0 for one in expression.args):
        return sum((logarithm(program, one) for one in expression.args), symengine.Integer(0))
    if isinstance(expression, symengine.Pow):
        base, exponent = expression.args
        return exponent * logarithm(program, base)
    if expression in program.auxiliaries:
        auxiliary = program.auxiliaries[expression]
        inside = _LOGARITHMS.get(auxiliary.function)
        return symengine.log(expression) if inside is None else inside(program, auxiliary.arguments)
    return symengine.log(expression)


_LOGARITHMS: dict[str, Callable[[Program, tuple[Symbolic, ...]], Symbolic]] = {
    "power": lambda program, parts: parts[1] * logarithm(program, parts[0]),
    "named": lambda program, parts: logarithm(program, parts[0]),
    "where": lambda program, parts: program.apply("where", parts[0], logarithm(program, parts[1]), logarithm(program, parts[2])),
}


def _share(declared: IndividualParameter, typical: Symbolic) -> Symbolic:
    lower, upper = declared.lower or 0.0, 1.0 if declared.upper is None else declared.upper
    return (typical - as_number(lower)) / (as_number(upper) - as_number(lower))


def _logit(program: Program, declared: IndividualParameter, typical: Symbolic) -> Symbolic:
    share = _share(declared, typical)
    return logarithm(program, share) - logarithm(program, 1 - share)


_SCALES: dict[str, Callable[[Program, IndividualParameter, Symbolic], Symbolic]] = {
    "Normal": lambda program, declared, typical: typical,
    "LogNormal": lambda program, declared, typical: logarithm(program, typical),
    "LogitNormal": _logit,
    "ProbitNormal": lambda program, declared, typical: program.apply("normal_quantile", _share(declared, typical)),
}
