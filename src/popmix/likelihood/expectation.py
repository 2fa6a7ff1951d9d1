"""What a model expects of its data, in plain names for the data floor."""

from collections.abc import Mapping

from popmix.data import FEATURES, Expectation
from popmix.data.expectation import Kind, Occasions, Outcome
from popmix.model.compartments import compartments, qualified
from popmix.model.declarations import Distribution, Observation
from popmix.model.expression import Expression, Number, Reference, Text
from popmix.model.library import is_linear
from popmix.model.model import Model

_FEATURES = FEATURES
_KINDS = {
    "Bernoulli": Kind.BINARY,
    "Binomial": Kind.BINOMIAL,
    **dict.fromkeys(("Poisson", "NegativeBinomial", "ZeroInflatedPoisson", "ZeroInflatedNegativeBinomial"), Kind.COUNT),
    **dict.fromkeys(("Ordinal", "Categorical", "Markov"), Kind.CATEGORY),
    "TimeToEvent": Kind.EVENT,
    "LogLikelihood": Kind.FREE,
}


def expectation_of(model: Model) -> Expectation:
    """Return what a model expects of its data, in plain names."""
    labels = tuple(compartments(model))
    depots = frozenset({"depot"} & set(labels))
    has_states = bool(labels)
    observations = model.observations
    has_events = any(outcome_of(one).kind is Kind.EVENT for one in observations.values())
    breaks = model.occasion is not None and model.declarations[model.occasion].breaks is not None
    correlated = any(one.autocorrelation is not None for one in observations.values())
    reads_time = has_events or correlated or breaks or _reads_time(model)
    return Expectation(
        covariates={name: covariate.categories for name, covariate in model.covariates.items()},
        interpolation={name: one.interpolation for name, one in model.covariates.items() if one.interpolation},
        endpoints={name: one.dvid for name, one in observations.items()},
        compartments=labels,
        aliases=qualified(model),
        depots=depots,
        removable=_removable(model, labels),
        rates=_modelled(model, "rate"),
        durations=_modelled(model, "duration"),
        has_dosing=has_states,
        time_needed=has_states or reads_time,
        ordered=has_states or has_events or correlated,
        features=_FEATURES,
        proportional=frozenset(name for name, one in observations.items() if _vanishes(one)),
        log_endpoints=frozenset(name for name, one in observations.items() if one.log_additive is not None),
        lloq=_limits(observations, "lloq"),
        uloq=_limits(observations, "uloq"),
        outcomes={name: outcome_of(one) for name, one in observations.items()},
        occasion=_occasion(model),
        levels={name: one.column or name for name, one in model.levels.items()},
    )


def outcome_of(observation: Observation) -> Outcome:
    """Return what the values of an endpoint are."""
    distribution = observation.prediction
    if not isinstance(distribution, Distribution):
        return Outcome(Kind.CONTINUOUS)
    kind, given = _KINDS[distribution.kind], distribution.arguments
    if kind is Kind.BINOMIAL:
        return Outcome(kind, trials=_plain(given["n"]))
    categories = {
        "Ordinal": lambda: len(given["cutpoints"]) + 1,
        "Categorical": lambda: len(given["p"]),
        "Markov": lambda: len(given["initial"]),
    }
    return Outcome(kind, categories=categories[distribution.kind]() if kind is Kind.CATEGORY else None)


def _plain(value: Expression) -> float | str | None:
    """Return a number or the name of a column, None for any other expression."""
    return value.value if isinstance(value, Number) else value.name if isinstance(value, Reference) else None


def _limits(observations: Mapping[str, Observation], side: str) -> dict[str, float | str]:
    given = {name: getattr(one, side) for name, one in observations.items()}
    return {name: limit.value if isinstance(limit, (Number, Text)) else limit.name for name, limit in given.items() if limit is not None}


def _occasion(model: Model) -> Occasions | None:
    name = model.occasion
    if name is None:
        return None
    declared = model.declarations[name]
    return Occasions(name, declared.column, declared.dose, declared.breaks)


def _removable(model: Model, labels: tuple[str, ...]) -> frozenset[str]:
    """Return the compartments into which nothing flows but doses: depots, and a linear one that has no others."""
    structures = list(model.structures.values())
    if model.states or not all(is_linear(one) for one in structures if one.compartments):
        return frozenset()
    return frozenset({"depot"} & set(labels)) or frozenset(labels if len(labels) == 1 else ())


def _modelled(model: Model, attribute: str) -> frozenset[str]:
    """Return the compartments for which the model gives the rate or the duration of infusions."""
    label_of = {place: label for label, place in compartments(model).items()}
    structures = {name: one for name, one in model.structures.items() if attribute in one.arguments and attribute in one.route}
    places = [(name, one.compartments[0]) for name, one in structures.items()]
    for dose in model.doses.values():
        owner, part = dose.target
        if getattr(dose, attribute) is not None:
            places.append((owner, part and model.structures[owner].compartment(part)))
    return frozenset(label_of[place] for place in places)


def _reads_time(model: Model) -> bool:
    waiting = [expression for declaration in model.declarations.values() for expression in declaration.expressions()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference) and node.name in ("T", "TAD"):
            return True
        waiting.extend(node.children())
    return False


def _vanishes(observation: Observation) -> bool:
    return (
        observation.additive is None
        and not isinstance(observation.prediction, Distribution)
        and (observation.proportional is not None or observation.power is not None)
    )
