"""From the declarations of a model to symbolic expressions of thetas, sigmas, etas, covariates, time and amounts.

The result, `Lowered`, knows compartments as numbers and endpoints as pairs (prediction, variance); everything a user
named has become an expression.
"""

from dataclasses import dataclass

import symengine

from popmix.compiler.dynamics import Dynamics, Mammillary, Shape, mammillary
from popmix.compiler.program import ONE, ZERO, Program, Symbolic
from popmix.errors import SupportError
from popmix.model.blueprint import BLUEPRINTS, Range
from popmix.model.compartments import Place, compartments
from popmix.model.declarations import Dose, IndividualParameter, Observation
from popmix.model.expression import COMPARISONS, CONNECTIVES, Attribute, Expression, Number, Operation, Reference, Text
from popmix.model.library import expand, is_linear, mammillary_rates
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of

TIME, TIME_AFTER_DOSE = symengine.Symbol("T"), symengine.Symbol("TAD")

_RATES = ("k10", "k12", "k21", "k13", "k31", "ka")
_DOSE_ATTRIBUTES = ("f", "lag", "duration", "rate")


@dataclass(frozen=True)
class Endpoint:
    """A Gaussian outcome: observed value (or its logarithm) ~ N(prediction, variance)."""

    name: str
    dvid: str | None
    prediction: Symbolic
    variance: Symbolic
    log_scale: bool


@dataclass(frozen=True)
class Lowered:
    """A model as expressions.

    `compartments` are labels in the order of `amounts`, `places` their declarations. Closed forms have a `shape` and `rates`: k10
    (k12, k21, k13, k31) and ka, in this order, as far as they exist; differential equations have `dynamics`. `profiles`: by the compartment
    into which doses arrive with that density. `domain`: arguments of structures that must be positive (True) or not negative.
    """

    program: Program
    parameters: Parameters
    thetas: tuple[Symbolic, ...]
    sigmas: tuple[Symbolic, ...]
    etas: tuple[Symbolic, ...]
    covariates: dict[str, Symbolic]
    amounts: tuple[Symbolic, ...]
    shape: Shape | None
    compartments: tuple[str, ...]
    places: tuple[Place, ...]
    dynamics: Dynamics | None
    rates: tuple[Symbolic, ...]
    dosing: dict[tuple[str, int], Symbolic]
    profiles: dict[int, Symbolic]
    domain: tuple[tuple[Symbolic, bool], ...]
    endpoints: tuple[Endpoint, ...]
    reported: dict[str, Symbolic]


def _refuse(model: Model) -> None:
    """Raise SupportError, all at once, for declarations that no engine of this version honours."""
    found = [f"{name}: iov= (between-occasion variability)" for name, one in model.parameters.items() if one.iov is not None]
    found += [f"{name}: prior=" for name, one in (model.thetas | model.blocks).items() if one.prior is not None]
    found += [f"{name}: level=" for name, one in (model.etas | model.blocks).items() if one.level is not None]
    found += [f"{name}: Mixture" for name in model.mixtures]
    if found:
        raise SupportError(f"{model.name} can't be fitted by this version of popmix: {'; '.join(found)}. Leave these out.")


def lower(model: Model, *, as_equations: bool = False) -> Lowered:
    """Translate a model into symbolic expressions; `as_equations` leaves closed forms aside.

    Raises SupportError, naming the declaration, for a feature that this version can't fit.
    """
    return _Lowering(model, as_equations).run()


def starts_as_equations(model: Model, *, as_equations: bool = False) -> bool:
    """Whether a model is differential equations to begin with: its closed form, if it has one, is found only by looking at them.

    Raises SupportError as `lower` does.
    """
    return _Lowering(model, as_equations).has_equations


class _Lowering:
    def __init__(self, model: Model, as_equations: bool) -> None:
        _refuse(model)
        self.model = model
        self.program = Program()
        self.parameters = parameters_of(model)
        self.thetas = {name: symengine.Symbol(f"theta_{name}") for name in model.thetas}
        self.sigmas = {name: symengine.Symbol(f"sigma_{name}") for name in self.parameters.of_kind("sigma")}
        self.etas = {name: symengine.Symbol(f"eta_{name}") for name in self.parameters.eta_names}
        self.covariates = {name: symengine.Symbol(f"cov_{name}") for name in model.covariates}
        self.categories = {name: covariate.categories for name, covariate in model.covariates.items()}
        self.known: dict[str, Symbolic] = {}
        self.places = compartments(model)
        self.amounts = {place: symengine.Symbol(f"amount_{index}") for index, place in enumerate(self.places.values())}
        self.as_equations = as_equations and bool(self.places)
        self.expansions = {name: expand(name, structure) for name, structure in model.structures.items()}
        moving = [structure for name, structure in model.structures.items() if self.expansions[name].states]
        self.closed = moving[0] if len(moving) == 1 and is_linear(moving[0]) and not model.states else None
        self.arrives_slowly = any(dose.profile is not None for doses in self._routes().values() for dose in doses)
        self.has_equations = bool(self.places) and (self.as_equations or self.closed is None or self.arrives_slowly)

    def run(self) -> Lowered:
        dynamics = self._dynamics() if self.has_equations else None
        closed = self._closed_form(dynamics)
        labels = list(self.places)
        order = closed.order if closed else tuple(range(len(labels)))
        places = [self.places[labels[index]] for index in order]
        return Lowered(
            program=self.program,
            parameters=self.parameters,
            thetas=tuple(self.thetas.values()),
            sigmas=tuple(self.sigmas.values()),
            etas=tuple(self.etas.values()),
            covariates=self.covariates,
            amounts=tuple(self.amounts[place] for place in places),
            shape=closed.shape if closed else None,
            compartments=tuple(labels[index] for index in order),
            places=tuple(places),
            dynamics=None if closed else dynamics,
            rates=closed.rates if closed else (),
            dosing=self._dosing(places),
            profiles=self._profiles(places),
            domain=self._domain(),
            endpoints=tuple(self._endpoint(name, one) for name, one in self.model.observations.items()),
            reported={name: self._name(name) for name in self.model.parameters},
        )

    def _closed_form(self, dynamics: Dynamics | None) -> Mammillary | None:
        if dynamics is not None:
            return None if self.as_equations or self.arrives_slowly else mammillary(self.program, dynamics, {TIME, TIME_AFTER_DOSE})
        if not self.places:
            return None
        rates = mammillary_rates(self.closed)
        shape = Shape("ka" in rates, len([name for name in rates if name in ("k12", "k13")]))
        values = tuple(self.expression(rates[name]) for name in _RATES if name in rates)
        return Mammillary(shape, tuple(range(len(self.places))), values)

    def _dynamics(self) -> Dynamics:
        states = {(name, part): state for name, one in self.expansions.items() for part, state in one.states.items()}
        states |= {(name, None): state for name, state in self.model.states.items()}
        derivatives = {place: self.expression(state.derivative) for place, state in states.items()}
        initial = {place: ZERO if state.init is None else self.expression(state.init) for place, state in states.items()}
        order = tuple(self.amounts)
        return Dynamics(tuple(self.amounts.values()), tuple(derivatives[one] for one in order), tuple(initial[one] for one in order))

    def expression(self, node: Expression) -> Symbolic:
        if isinstance(node, Number):
            return _number(node.value)
        if isinstance(node, Reference):
            return self._name(node.name)
        if isinstance(node, Attribute):
            return self._attribute(node)
        if isinstance(node, Operation):
            return self._operation(node)
        raise SupportError(f"{type(node).__name__} can't stand here")

    def _name(self, name: str) -> Symbolic:
        if name not in self.known:
            self.known[name] = self._resolve(name)
        return self.known[name]

    def _resolve(self, name: str) -> Symbolic:
        if name in self.thetas:
            return self.thetas[name]
        if name in self.covariates:
            return self.covariates[name]
        if name in self.model.parameters:
            individual = self._individual(name, self.model.parameters[name])
            return self.program.named(individual) if self.has_equations else individual
        if name in self.model.states:
            return self.amounts[name, None]
        if name in self.model.expressions:
            return self.expression(self.model.expressions[name].expression)
        if name in self.model.etas:
            return self.etas[name]
        if name == "T":
            return TIME
        if name == "TAD":
            return TIME_AFTER_DOSE
        raise SupportError(f"{name} can't be used in a model that is fitted by this version of popmix")

    def _individual(self, name: str, declared: IndividualParameter) -> Symbolic:
        typical = self.expression(declared.typical)
        eta = self.etas.get(name, ZERO)
        if declared.family == "Normal":
            return typical + eta
        if declared.family == "LogNormal":
            return typical * symengine.exp(eta)
        if declared.family != "LogitNormal":
            raise SupportError(f"{name}: the distribution {declared.family} can't be fitted yet; Normal, LogNormal and LogitNormal can.")
        lower, upper = (_number(bound) for bound in (declared.lower or 0.0, 1.0 if declared.upper is None else declared.upper))
        share = (typical - lower) / (upper - lower)
        return lower + (upper - lower) * self.program.apply("expit", symengine.log(share / (1 - share)) + eta)

    def _attribute(self, node: Attribute) -> Symbolic:
        outputs = self.expansions[node.owner].outputs
        if node.name in outputs:
            name = f"{node.owner}.{node.name}"
            if name not in self.known:
                self.known[name] = self.expression(outputs[node.name])
            return self.known[name]
        return self.amounts[node.owner, self.model.structures[node.owner].compartment(node.name)]

    def _operation(self, node: Operation) -> Symbolic:
        if node.operator in COMPARISONS:
            return self._comparison(node)
        values = [self.expression(argument) for argument in node.arguments]
        if node.operator in CONNECTIVES or node.operator in ("where", "expit", "lgamma", "abs"):
            return self.program.apply(node.operator, *values)
        if node.operator == "**":
            return self.program.power(*values)
        if node.operator == "logit":
            return symengine.log(values[0]) - symengine.log(1 - values[0])
        return _PLAIN[node.operator](*values)

    def _comparison(self, node: Operation) -> Symbolic:
        left, right = (self._comparand(one, other) for one, other in (node.arguments, node.arguments[::-1]))
        if node.operator in (">", ">="):
            return self.program.apply(node.operator.replace(">", "<"), right, left)
        return self.program.apply(node.operator, left, right)

    def _comparand(self, node: Expression, other: Expression) -> Symbolic:
        if not isinstance(node, Text):
            return self.expression(node)
        return _number(float(self.categories[other.name].index(node.value)))

    def _routes(self) -> dict[Place, list[Dose]]:
        """Return what is declared about the doses into each compartment."""
        found: dict[Place, list[Dose]] = {}
        for dose in (*(one for each in self.expansions.values() for one in each.doses.values()), *self.model.doses.values()):
            owner, part = dose.target
            found.setdefault((owner, part and self.model.structures[owner].compartment(part)), []).append(dose)
        return found

    def _dosing(self, places: list[Place]) -> dict[tuple[str, int], Symbolic]:
        return {
            (attribute, places.index(place)): self.expression(value)
            for place, doses in self._routes().items()
            for dose in doses
            for attribute in _DOSE_ATTRIBUTES
            if (value := getattr(dose, attribute)) is not None
        }

    def _profiles(self, places: list[Place]) -> dict[int, Symbolic]:
        routes = [(place, dose.profile) for place, doses in self._routes().items() for dose in doses if dose.profile is not None]
        return {places.index(place): self.expression(profile) for place, profile in routes}

    def _domain(self) -> tuple[tuple[Symbolic, bool], ...]:
        """Return the arguments of structures whose range is limited; lags, durations and rates are looked at where doses are given."""
        found: dict[tuple[Symbolic, bool], None] = {}
        for structure in self.model.structures.values():
            blueprint = BLUEPRINTS[structure.kind]
            for name, value in structure.arguments.items():
                allowed = blueprint.range_of(name)
                if allowed is not Range.ANY and name not in _DOSE_ATTRIBUTES[1:]:
                    found[self.expression(value), allowed is Range.POSITIVE] = None
        return tuple(found)

    def _endpoint(self, name: str, declared: Observation) -> Endpoint:
        if not isinstance(declared.prediction, Expression):
            raise SupportError(f"{name}: outcomes of the kind {declared.prediction.kind} can't be fitted yet; continuous ones can.")
        if declared.box_cox is not None or declared.lloq is not None or declared.uloq is not None:
            raise SupportError(f"{name}: box_cox= and censoring can't be fitted yet.")
        prediction = self.expression(declared.prediction)
        variance = ZERO
        for kind, power in (("additive", 0), ("proportional", 1)):
            if getattr(declared, kind) is not None:
                variance += (self.sigmas[f"{kind}_{name}"] * prediction**power) ** 2
        if declared.power is not None:
            exponent = self.sigmas[f"exponent_{name}"]
            variance += (self.sigmas[f"power_{name}"] * self.program.power(prediction, exponent)) ** 2
        if declared.sd is not None:
            variance = self.expression(declared.sd) ** 2
        if declared.log_additive is not None:
            prediction, variance = symengine.log(prediction), self.sigmas[f"log_additive_{name}"] ** 2
        return Endpoint(name, declared.dvid, prediction, variance, declared.log_additive is not None)


def _number(value: float) -> Symbolic:
    """Return whole numbers as integers, so that a square is a product and not a call of pow."""
    return symengine.Integer(int(value)) if float(value).is_integer() and abs(value) < 1e9 else symengine.RealDouble(value)


_PLAIN = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "neg": lambda a: -a,
    "exp": symengine.exp,
    "log": symengine.log,
    "sqrt": lambda a: symengine.sqrt(a),
    "erf": symengine.erf,
    "sin": symengine.sin,
    "cos": symengine.cos,
    "tanh": symengine.tanh,
}

__all__ = ["ONE", "TIME", "TIME_AFTER_DOSE", "Endpoint", "Lowered", "Shape", "lower"]
