"""Words of the language for outcomes that are not Gaussian: each returns a distribution for an Observation."""

from popmix.model.declarations import Distribution
from popmix.model.expression import Expression, as_expression
from popmix.model.mistakes import report
from popmix.model.places import Culprit
from popmix.model.wording import word


@word
def Bernoulli(p: Expression | float) -> Distribution:
    """A yes or no: P(DV = 1) = p."""
    return _distribution("Bernoulli", p=p)


@word
def Binomial(n: Expression | float, p: Expression | float) -> Distribution:
    """DV successes in n trials, each with probability p."""
    return _distribution("Binomial", n=n, p=p)


@word
def Poisson(rate: Expression | float) -> Distribution:
    """A count with mean and variance `rate`."""
    return _distribution("Poisson", rate=rate)


@word
def NegativeBinomial(mean: Expression | float, dispersion: Expression | float) -> Distribution:
    """An overdispersed count: Var = mean + mean^2 / dispersion."""
    return _distribution("NegativeBinomial", mean=mean, dispersion=dispersion)


@word
def ZeroInflatedPoisson(rate: Expression | float, zero: Expression | float) -> Distribution:
    """A count that is 0 with probability `zero` and otherwise Poisson(rate)."""
    return _distribution("ZeroInflatedPoisson", rate=rate, zero=zero)


@word
def ZeroInflatedNegativeBinomial(mean: Expression | float, dispersion: Expression | float, zero: Expression | float) -> Distribution:
    """A count that is 0 with probability `zero` and otherwise NegativeBinomial(mean, dispersion)."""
    return _distribution("ZeroInflatedNegativeBinomial", mean=mean, dispersion=dispersion, zero=zero)


@word
def Ordinal(location: Expression | float, cutpoints: tuple) -> Distribution:
    """An ordered category 0, 1, ...: P(DV <= k) = expit(cutpoints[k] - location)."""
    if isinstance(cutpoints, (Expression, int, float)):
        cutpoints = (cutpoints,)
    points = tuple(as_expression(each) for each in cutpoints)
    return Distribution("Ordinal", {"location": as_expression(location), "cutpoints": points})


@word
def Categorical(*p: Expression | float) -> Distribution:
    """A category 0, 1, ... with the probability of each."""
    if len(p) < 2:
        report("Categorical needs the probabilities of two or more categories", "as in Categorical(p, 1 - p)")
    return Distribution("Categorical", {"p": tuple(as_expression(each) for each in p)})


@word
def Markov(initial: tuple, transitions: tuple) -> Distribution:
    """A category 0, 1, ... that depends on the one before: `transitions[k]` are the probabilities after category k.

    The first record of a subject has the probabilities `initial`.
    """
    rows = tuple(transitions) if hasattr(transitions, "__iter__") and not isinstance(transitions, (str, Expression)) else ()
    sizes = {len(row) if isinstance(row, (tuple, list)) else 0 for row in (initial, *rows)}
    if len(sizes) != 1 or len(rows) != len(initial) or len(rows) < 2:
        help = "as in Markov(initial=(p, 1 - p), transitions=((p00, 1 - p00), (p10, 1 - p10)))"
        report("Markov needs as many probabilities in `initial` and in each row of `transitions` as there are rows", help)
        return Distribution("Markov", {"initial": (), "transitions": ()})
    probabilities = tuple(tuple(as_expression(each) for each in row) for row in rows)
    return Distribution("Markov", {"initial": tuple(as_expression(each) for each in initial), "transitions": probabilities})


@word
def TimeToEvent(hazard: Expression | float, interval: bool = False) -> Distribution:
    """The time of an event: a record's DV is 1 for the event at its TIME, 0 for none so far; every event starts the next.

    With `interval` DV = 1 says that the event happened at some time since the endpoint's record before it.
    """
    if not isinstance(interval, bool):
        report("interval must be True or False", "as in TimeToEvent(hazard, interval=True)", Culprit("keyword", "interval"))
    flags = {"interval": True} if interval is True else {}
    return Distribution("TimeToEvent", {"hazard": as_expression(hazard)} | flags)


@word
def LogLikelihood(expression: Expression | float) -> Distribution:
    """Any log density of the value observed, written Y in the expression."""
    return _distribution("LogLikelihood", expression=expression)


def _distribution(kind: str, **arguments: object) -> Distribution:
    return Distribution(kind, {name: as_expression(value) for name, value in arguments.items()})
