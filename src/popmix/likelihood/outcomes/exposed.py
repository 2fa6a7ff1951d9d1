"""Models that show the arguments of a model's outcomes as their predictions.

The mean and variance that tables show do not tell a distribution. Since a model is a set of declarations, an outcome such as
`NegativeBinomial(mean, dispersion)` is looked at by the same model with `Observation(mean, sd=dispersion)` in its place: two arguments
at a time, at any time, covariate or amount, by the compiled code that a fit uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from popmix.model.declarations import Distribution, Observation
from popmix.model.expression import Expression, Number, expit
from popmix.model.model import Model

_ONE = Number(1.0)
# what an endpoint needs no exposing for: events are told by the probability of none, a free density by nothing
AS_DECLARED = ("TimeToEvent", "LogLikelihood")


def exposed(model: Model) -> tuple[Model, ...]:
    """Return models of the same parameters and effects whose predictions are the arguments of the outcomes, two in each.

    The first is the model itself where every outcome is Gaussian on the scale of DV or of its logarithm.
    """
    needed = max((len(arguments_of(one)) + 1) // 2 for one in model.observations.values())
    return tuple(_showing(model, number) for number in range(max(needed, 1)))


def arguments_of(declared: Observation) -> tuple[Expression, ...]:
    """Return the arguments of an outcome, none of them negative but the last of continuous ones; () where the endpoint shows them itself.

    Of an ordinal outcome they are P(DV <= k), of a categorical one the probabilities, of a Markov chain those of the first record and then
    the rows of transitions. A continuous one has prediction and variance in the first model, and Student's degrees of freedom or the
    shape of its transformation besides.
    """
    outcome = declared.prediction
    if isinstance(outcome, Distribution):
        return () if outcome.kind in AS_DECLARED else _ARGUMENTS[outcome.kind](outcome.arguments)
    extra = [one for one in (declared.student, declared.box_cox) if one is not None]
    return (outcome, _ONE, *(part for one in extra for part in (one, _ONE)))


def _showing(model: Model, number: int) -> Model:
    changed = {name: _shown(declared, number) for name, declared in model.observations.items()}
    if all(changed[name] is declared for name, declared in model.observations.items()):
        return model
    return Model(f"{model.name}_{number}", model.doc, dict(model.declarations) | changed)


def _shown(declared: Observation, number: int) -> Observation:
    arguments = arguments_of(declared)
    is_discrete = isinstance(declared.prediction, Distribution)
    if number == 0 and not is_discrete:
        plain = declared.student is None and declared.box_cox is None and declared.autocorrelation is None and declared.censoring != "M4"
        bare = {"student": None, "box_cox": None, "autocorrelation": None}
        return declared if plain else replace(declared, **bare, censoring=None if declared.censoring == "M4" else declared.censoring)
    if number == 0 and not arguments:
        return declared
    pair = arguments[2 * number : 2 * number + 2]
    first, second = (*pair, _ONE, _ONE)[:2]
    limits = {name: getattr(declared, name) for name in ("dvid", "lloq", "uloq", "censoring")}
    return Observation(first, sd=second, **limits | {"censoring": "M1" if declared.censoring == "M1" else None})


def _named(*names: str) -> Callable[[Mapping[str, Expression]], tuple[Expression, ...]]:
    return lambda given: tuple(given[name] for name in names)


def _cumulative(given: Mapping[str, Expression]) -> tuple[Expression, ...]:
    return tuple(expit(point - given["location"]) for point in given["cutpoints"])


def _transitions(given: Mapping[str, tuple]) -> tuple[Expression, ...]:
    return (*given["initial"], *(share for row in given["transitions"] for share in row))


_ARGUMENTS: dict[str, Callable[[Mapping[str, Expression]], tuple[Expression, ...]]] = {
    "Bernoulli": _named("p"),
    "Binomial": _named("n", "p"),
    "Poisson": _named("rate"),
    "NegativeBinomial": _named("mean", "dispersion"),
    "ZeroInflatedPoisson": _named("rate", "zero"),
    "ZeroInflatedNegativeBinomial": _named("mean", "dispersion", "zero"),
    "Ordinal": _cumulative,
    "Categorical": lambda given: tuple(given["p"]),
    "Markov": _transitions,
}
