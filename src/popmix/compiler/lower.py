"""From the declarations of a model to symbolic expressions of thetas, sigmas, etas, covariates, time and amounts.

The result, `popmix.compiler.lowered.Lowered`, knows compartments as numbers; everything a user named has become an expression.
"""

import symengine

from popmix.compiler.dynamics import Dynamics, Mammillary, Shape, mammillary
from popmix.compiler.endpoints import AS_OBSERVED, LIMIT, PREVIOUS, SINCE, VALUE, Endpoint, Scope, endpoint
from popmix.compiler.hazards import cumulated
from popmix.compiler.individual import Ingredients, as_number, individual
from popmix.compiler.lowered import PLAIN, Circumstances, Lowered
from popmix.compiler.program import ONE, ZERO, Copies, Program, Symbolic
from popmix.errors import SupportError
from popmix.model.blueprint import BLUEPRINTS, Range
from popmix.model.compartments import Place, compartments
from popmix.model.declarations import Distribution, Dose, IndividualParameter, Observation
from popmix.model.effects import levels_of
from popmix.model.expression import COMPARISONS, CONNECTIVES, Attribute, Expression, Number, Operation, Reference, Text
from popmix.model.library import expand, is_linear, mammillary_rates
from popmix.model.model import Model
from popmix.model.parameters import parameters_of

TIME, TIME_AFTER_DOSE = symengine.Symbol("T"), symengine.Symbol("TAD")
RECORD_INPUTS = (TIME, TIME_AFTER_DOSE, VALUE, LIMIT, PREVIOUS, SINCE)
# the column that the gate adds for the latent group, numbered from 0
GROUP = "number of the group"

_FIRST_TIME = symengine.RealDouble(1e-12)
_RATES = ("k10", "k12", "k21", "k13", "k31", "ka")
_DOSE_ATTRIBUTES = ("f", "lag", "duration", "rate")


def lower(model: Model, *, as_equations: bool = False, circumstances: Circumstances = PLAIN) -> Lowered:
    """Translate a model into symbolic expressions; `as_equations` leaves closed forms aside.

    Raises SupportError, naming the declaration, for a feature that this version can't fit.
    """
    return _Lowering(model, as_equations, circumstances).run()


def starts_as_equations(model: Model, *, as_equations: bool = False) -> bool:
    """Whether a model is differential equations to begin with: its closed form, if it has one, is found only by looking at them.

    Raises SupportError as `lower` does.
    """
    return _Lowering(model, as_equations, PLAIN).has_equations


class _Lowering:
    def __init__(self, model: Model, as_equations: bool, circumstances: Circumstances) -> None:
        self.model = model
        self.circumstances = circumstances
        self.program = Program()
        self.parameters = parameters_of(model)
        self.thetas = {name: symengine.Symbol(f"theta_{name}") for name in model.thetas}
        self.sigmas = {name: symengine.Symbol(f"sigma_{name}") for name in self.parameters.of_kind("sigma")}
        self.etas = {name: symengine.Symbol(f"eta_{name}") for name in self.parameters.eta_names}
        self.covariates = {name: symengine.Symbol(f"cov_{name}") for name in (*model.covariates, *added_columns(model))}
        self.categories = {name: covariate.categories for name, covariate in model.covariates.items()}
        self.known: dict[str, Symbolic] = {}
        self.linked: dict[str, Symbolic] = {}
        self.places = compartments(model)
        self.expansions = {name: expand(name, structure) for name, structure in model.structures.items()}
        moving = [structure for name, structure in model.structures.items() if self.expansions[name].states]
        self.closed = moving[0] if len(moving) == 1 and is_linear(moving[0]) and not model.states else None
        self.arrives_slowly = any(dose.profile is not None for doses in self._routes().values() for dose in doses)
        self.amounts = {place: symengine.Symbol(f"amount_{index}") for index, place in enumerate(self.places.values())}
        self.has_equations = False
        self.hidden = self._hidden()
        self.known.clear()
        for name in self.hidden:
            self.places[f"cumulated hazard of {name}"] = (name, None)
            self.amounts[name, None] = symengine.Symbol(f"amount_{len(self.amounts)}")
        self.as_equations = as_equations and bool(self.places)
        needed = self.as_equations or self.closed is None or self.arrives_slowly or bool(self.hidden)
        self.has_equations = bool(self.places) and needed

    def _hidden(self) -> tuple[str, ...]:
        """Return the endpoints whose hazard changes with more than the clock, so that it has to be integrated."""
        events = {name: one for name, one in self.model.observations.items() if _is_event(one)}
        return tuple(name for name, one in events.items() if self._cumulated(one.prediction.arguments["hazard"]) is None)

    def _cumulated(self, hazard: Expression) -> Symbolic | None:
        """Return a hazard, cumulated from time 0, in closed form if it has one."""
        symbolic = self.expression(hazard)
        changing = {self.covariates[name] for name in self.circumstances.varying} | {TIME_AFTER_DOSE, *self.amounts.values()}
        several = {level for level, count in self.circumstances.below if count > 1}
        changing |= {self.etas[effect.name] for effect in self.model.random_effects() if effect.level in several}
        return None if self.program.leaves(symbolic) & changing else cumulated(self.program, symbolic, TIME)

    def _hazards(self) -> dict[str, tuple[Symbolic, Symbolic]]:
        """Return by endpoint the hazard, and what of it a record cumulates: since the time in its LIMIT, or since the state was emptied."""
        found = {}
        for name, one in self.model.observations.items():
            if not _is_event(one):
                continue
            hazard = one.prediction.arguments["hazard"]
            if name in self.hidden:
                total = self.amounts[name, None]
            else:
                until = self._cumulated(hazard)
                since = self.program.substitute(until, {TIME: LIMIT})
                at_start = self.program.apply("==", LIMIT, ZERO)
                # a power of time that is below 1 has no slope at time 0, where nothing has been cumulated
                total = until - self.program.apply("where", at_start, ZERO, since)
            found[name] = (self.expression(hazard), total)
        return found

    def run(self) -> Lowered:
        dynamics = self._dynamics() if self.has_equations else None
        closed = self._closed_form(dynamics)
        labels = list(self.places)
        order = closed.order if closed else tuple(range(len(labels)))
        places = [self.places[labels[index]] for index in order]
        etas, copies = self._effects()
        return Lowered(
            program=self.program,
            parameters=self.parameters,
            thetas=tuple(self.thetas.values()),
            sigmas=tuple(self.sigmas.values()),
            linked=self.linked,
            etas=etas,
            copies=copies,
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
            hidden=self.hidden,
            endpoints=self._endpoints(),
            reported={name: self._name(name) for name in self.model.parameters},
            typical={name: self.expression(one.typical) for name, one in self.model.parameters.items()},
            shares=tuple(self.expression(share) for one in self.model.mixtures.values() for share in one.shares),
        )

    def _effects(self) -> tuple[tuple[Symbolic, ...], tuple[Copies, ...]]:
        """Return the effects that a subject has: its own, those of levels below and of levels above; and the copies of those below."""
        below = dict(self.circumstances.below)
        own, above, copies = [], [], {}
        for name, level in zip(self.etas, self.parameters.levels, strict=True):
            if level in below:
                copies.setdefault(level, []).append(self.etas[name])
            else:
                (own if level is None else above).append(self.etas[name])
        made = [self._copies(level, copies[level], count) for level, count in below.items() if level in copies]
        inside = [symbol for one in made for each in one.becomes for symbol in each.values()]
        return (*own, *inside, *above), tuple(made)

    def _copies(self, level: str, effects: list[Symbolic], count: int) -> Copies:
        becomes = ({symbol: symengine.Symbol(f"{symbol}_{number}") for symbol in effects} for number in range(count))
        return Copies(self.covariates[number_column(level)], tuple(becomes))

    def _integrand(self, name: str) -> Symbolic:
        """Return the hazard of an endpoint, which may be infinite at time 0, where no step of an integration can begin."""
        hazard = self.expression(self.model.observations[name].prediction.arguments["hazard"])
        late = self.program.apply("where", self.program.apply("<", TIME, _FIRST_TIME), _FIRST_TIME, TIME)
        return self.program.substitute(hazard, {TIME: late})

    def _endpoints(self) -> tuple[Endpoint, ...]:
        """Return the endpoints in the order of their declaration, then those of censored records."""
        scope = Scope(self.program, self.expression, self.sigmas, self._hazards())
        declared = self.model.observations
        plain = [endpoint(scope, name, one, AS_OBSERVED) for name, one in declared.items()]
        return (*plain, *(endpoint(scope, name, declared[name], side) for name, side in sorted(self.circumstances.censored)))

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
        for name in self.hidden:
            derivatives[name, None] = self._integrand(name)
            initial[name, None] = ZERO
        order = tuple(self.amounts)
        return Dynamics(tuple(self.amounts.values()), tuple(derivatives[one] for one in order), tuple(initial[one] for one in order))

    def expression(self, node: Expression) -> Symbolic:
        if isinstance(node, Number):
            return as_number(node.value)
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
            return self.etas[name] if name in self.etas else self.etas[f"kappa_{name}"]
        if name in self.model.mixtures:
            return self.covariates[GROUP] + 1
        if name == "T":
            return TIME
        if name == "TAD":
            return TIME_AFTER_DOSE
        if name == "Y":
            return VALUE
        raise SupportError(f"{name} can't be used in a model that is fitted by this version of popmix")

    def _individual(self, name: str, declared: IndividualParameter) -> Symbolic:
        return individual(
            Ingredients(
                program=self.program,
                name=name,
                declared=declared,
                typical=self.expression(declared.typical),
                eta=self.etas.get(name, ZERO) + self.etas.get(f"kappa_{name}", ZERO),
                shape=None if declared.shape is None else self.expression(declared.shape),
                df=None if declared.df is None else self.expression(declared.df),
                sd=lambda: self._sd(name, declared),
            )
        )

    def _sd(self, name: str, declared: IndividualParameter) -> Symbolic:
        """Return the SD of a parameter's effect between subjects as an unknown that its expression reads; 1 without such an effect."""
        if declared.iiv is None:
            return ONE
        return self.linked.setdefault(f"iiv_{name}", symengine.Symbol(f"sd_{name}"))

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
        return as_number(float(self.categories[other.name].index(node.value)))

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


def number_column(level: str) -> str:
    """Return the name of the column that the gate adds for the number, from 0, of an occasion (or jar, ...) within its subject."""
    return f"number of {level}"


def added_columns(model: Model) -> tuple[str, ...]:
    """Return the columns that the gate adds to the covariates: numbers of a record's occasion and levels, and the latent group."""
    levels = [level for level in levels_of(model.declarations) if level is not None]
    return (*map(number_column, levels), *([GROUP] if model.mixtures else []))


def _is_event(declared: Observation) -> bool:
    return isinstance(declared.prediction, Distribution) and declared.prediction.kind == "TimeToEvent"


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

__all__ = ["ONE", "RECORD_INPUTS", "TIME", "TIME_AFTER_DOSE", "Circumstances", "Endpoint", "Lowered", "Shape", "lower"]
