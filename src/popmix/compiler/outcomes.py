"""Densities of outcomes of every kind as expressions: -log p of one record with all its constants, and mean and variance for tables.

Probabilities are kept as logarithms wherever a model writes them as expit or exp of something, so that no tail is lost: with
log expit(x) = -log(1 + exp(-x)) a logit of 1000 is as exact as one of 1. What is not chosen (another category, the zero of a count)
never makes a number infinite that is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import symengine

from popmix.compiler.program import ONE, ZERO, Program, Symbolic

_HALF = ONE / 2
_NAN = symengine.RealDouble(float("nan"))
# the logarithm of a rising factorial by Stirling's series, from this far out: the first omitted term is below 1e-16
_FAR = 10
# B_2k / (2k (2k - 1)): 1/12, -1/360, ...
_STIRLING = ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156))

Arguments = Mapping[str, Symbolic | tuple]


@dataclass(frozen=True)
class Density:
    """-log p of one record, a pseudo-observation z whose slopes give the expected curvature z_d z_e (None: no such), mean and variance."""

    nll: Symbolic
    root: Symbolic | None
    mean: Symbolic
    variance: Symbolic


def outcome_density(program: Program, kind: str, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    """Return the density of an outcome that is not continuous, at the value `y`; `previous` is the endpoint's value before it, or -1."""
    return _KINDS[kind](program, arguments, y, previous)


def censored_density(
    program: Program, side: str, y: Symbolic, limit: Symbolic, f: Symbolic, r: Symbolic, *, above: Symbolic | None
) -> Density:
    """Return the probability of a Gaussian value beyond `y` ("left" below it, "right" above it) or between `y` and `limit`.

    With `above` (M4) it is that among values above this bound: Beal (J Pharmacokinet Pharmacodyn 28:481, 2001), equations of M3 and M4.
    """
    sd = symengine.sqrt(r)
    z = (y - f) / sd
    if side == "between":
        low, high = _ordered(program, y, limit)
        if above is not None:
            low = program.apply("where", program.apply("<", low, above), above, low)
        nll = -program.apply("log_normal_interval", (low - f) / sd, (high - f) / sd)
        # like an observation of the middle whose variance counts the width of a uniform distribution
        root = ((y + limit) * _HALF - f) / symengine.sqrt(r + (y - limit) ** 2 / 12)
    elif side == "left":
        below = -program.apply("log_normal_cdf", z)
        nll = below if above is None else -program.apply("log_normal_interval", (above - f) / sd, z)
        root = program.apply("censored_root", z)
    else:
        nll, root = -program.apply("log_normal_cdf", -z), program.apply("censored_root", -z)
    if above is not None:
        nll += program.apply("log_normal_cdf", (f - above) / sd)
    return Density(nll, root, f, r)


def truncated_density(program: Program, y: Symbolic, f: Symbolic, r: Symbolic, above: Symbolic) -> Density:
    """Return the density of a Gaussian value among those above a bound, without log(2 pi) / 2 as Gaussian observations are counted."""
    sd = symengine.sqrt(r)
    nll = symengine.log(r) * _HALF + (y - f) ** 2 / (2 * r) + program.apply("log_normal_cdf", (f - above) / sd)
    return Density(nll, (y - f) / sd, f, r)


def student_density(program: Program, y: Symbolic, f: Symbolic, r: Symbolic, df: Symbolic) -> Density:
    """Return Student's density with location f, scale sqrt(r) and `df` degrees of freedom, with all constants."""
    constant = program.apply("lgamma", (df + 1) * _HALF) - program.apply("lgamma", df * _HALF) - symengine.log(df * symengine.pi) * _HALF
    nll = symengine.log(r) * _HALF - constant + (df + 1) * _HALF * program.apply("log1p", (y - f) ** 2 / (df * r))
    return Density(nll, None, f, _student_variance(program, r, df))


def _student_variance(program: Program, r: Symbolic, df: Symbolic) -> Symbolic:
    infinite = symengine.RealDouble(float("inf"))
    if df.is_Number:
        return infinite if float(df) <= 2 else r * df / (df - 2)
    return program.apply("where", program.apply("<", symengine.Integer(2), df), r * df / (df - 2), infinite)


def _ordered(program: Program, one: Symbolic, other: Symbolic) -> tuple[Symbolic, Symbolic]:
    swapped = program.apply("<", other, one)
    return program.apply("where", swapped, other, one), program.apply("where", swapped, one, other)


def log_of(program: Program, value: Symbolic) -> Symbolic:
    """Return log(value), exact in the tails for expit, exp, their complements and products."""
    inside = _application(program, value)
    if inside and inside[0] == "expit":
        return -program.apply("log1p_exp", -inside[1][0])
    if inside and inside[0] == "named":
        return log_of(program, inside[1][0])
    if isinstance(value, symengine.Pow) and value.args[0] == symengine.E:
        return value.args[1]
    if isinstance(value, symengine.Mul):
        return sum((log_of(program, one) for one in value.args), ZERO)
    complement = _application(program, symengine.expand(1 - value)) if isinstance(value, symengine.Add) else None
    if complement and complement[0] == "expit":
        return -program.apply("log1p_exp", complement[1][0])
    return symengine.log(value)


def log_complement_of(program: Program, value: Symbolic) -> Symbolic:
    """Return log(1 - value)."""
    inside = _application(program, value)
    if inside and inside[0] == "expit":
        return -program.apply("log1p_exp", inside[1][0])
    if inside and inside[0] == "named":
        return log_complement_of(program, inside[1][0])
    rest = _application(program, symengine.expand(1 - value))
    return log_of(program, 1 - value) if rest else program.apply("log1p", -value)


def _application(program: Program, value: Symbolic) -> tuple[str, tuple[Symbolic, ...]] | None:
    auxiliary = program.auxiliaries.get(value)
    return (auxiliary.function, auxiliary.arguments) if auxiliary else None


def _times(program: Program, factor: Symbolic, value: Symbolic) -> Symbolic:
    """Return factor x value, and 0 where the factor is 0 whatever the value."""
    return program.apply("where", program.apply("==", factor, ZERO), ZERO, factor * value)


def _bernoulli(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    return _binomial(program, {"n": ONE, "p": arguments["p"]}, y, previous)


def _binomial(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    n, p = arguments["n"], arguments["p"]
    log_p, log_rest = log_of(program, p), log_complement_of(program, p)
    ways = ZERO if n == ONE else _lgamma(program, n + 1) - _lgamma(program, y + 1) - _lgamma(program, n - y + 1)
    nll = -ways - _times(program, y, log_p) - _times(program, n - y, log_rest)
    return Density(nll, None, n * p, n * p * (1 - p))


def _poisson(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    rate = arguments["rate"]
    return Density(_poisson_nll(program, rate, y), None, rate, rate)


def _poisson_nll(program: Program, rate: Symbolic, y: Symbolic) -> Symbolic:
    return rate - _times(program, y, log_of(program, rate)) + _lgamma(program, y + 1)


def _negative_binomial(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    mean, dispersion = arguments["mean"], arguments["dispersion"]
    return Density(_negative_binomial_nll(program, mean, dispersion, y), None, mean, mean + mean**2 / dispersion)


def _negative_binomial_nll(program: Program, mean: Symbolic, k: Symbolic, y: Symbolic) -> Symbolic:
    """log p = log[(k)_y / y!] - k log(1 + mean / k) + y log(mean / (k + mean)), which goes to Poisson's as k grows."""
    rising = log_rising(program, k, y)
    logarithm = log_of(program, mean) - symengine.log(k + mean)
    return _lgamma(program, y + 1) - rising + k * program.apply("log1p", mean / k) - _times(program, y, logarithm)


def log_rising(program: Program, k: Symbolic, y: Symbolic) -> Symbolic:
    """Return log(Gamma(k + y) / Gamma(k)) without the cancellation of large k: the recurrence up to k + 10, then Stirling's series."""
    x, far = k + _FAR, k + y + _FAR
    total = (x - _HALF) * program.apply("log1p", y / x) + y * symengine.log(far) - y
    for index, coefficient in enumerate(_STIRLING):
        power = 2 * index + 1
        total += symengine.Rational(*coefficient) * (1 / far**power - 1 / x**power)
    return total - sum((program.apply("log1p", y / (k + j)) for j in range(_FAR)), ZERO)


def _zero_inflated(program: Program, zero: Symbolic, count: Symbolic, log_none: Symbolic, y: Symbolic) -> Symbolic:
    """Return -log p of a count whose zeros are inflated; `count` is the count's own -log p, `log_none` its log P(0)."""
    # log(zero + (1 - zero) P(0)) from logarithms, either of which may be far out
    of_zero = log_of(program, zero)
    nothing = -of_zero - program.apply("log1p_exp", log_complement_of(program, zero) + log_none - of_zero)
    return program.apply("where", program.apply("==", y, ZERO), nothing, count - log_complement_of(program, zero))


def _zero_inflated_poisson(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    rate, zero = arguments["rate"], arguments["zero"]
    nll = _zero_inflated(program, zero, _poisson_nll(program, rate, y), -rate, y)
    return Density(nll, None, (1 - zero) * rate, (1 - zero) * rate * (1 + zero * rate))


def _zero_inflated_negative_binomial(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    mean, k, zero = arguments["mean"], arguments["dispersion"], arguments["zero"]
    log_none = -k * program.apply("log1p", mean / k)
    nll = _zero_inflated(program, zero, _negative_binomial_nll(program, mean, k, y), log_none, y)
    return Density(nll, None, (1 - zero) * mean, (1 - zero) * mean * (1 + mean / k + zero * mean))


def _ordinal(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    """P(DV <= k) = expit(c_k - location); between two cutpoints expit(b) - expit(a) = expit(b) expit(-a) (1 - exp(a - b))."""
    location, points = arguments["location"], arguments["cutpoints"]
    below = [point - location for point in points]
    logs = [-program.apply("log1p_exp", -below[0])]
    for lower, upper in pairwise(below):
        apart = symengine.expand(lower - upper)
        logs.append(-program.apply("log1p_exp", -upper) - program.apply("log1p_exp", lower) + symengine.log(-program.apply("expm1", apart)))
    logs.append(-program.apply("log1p_exp", below[-1]))
    return _categories(program, logs, [symengine.exp(one) for one in logs], y)


def _categorical(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    shares = arguments["p"]
    return _categories(program, [log_of(program, share) for share in shares], list(shares), y)


def _markov(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    rows = [arguments["initial"], *arguments["transitions"]]
    chosen = [program.choose(previous + 1, [row[k] for row in rows]) for k in range(len(rows[0]))]
    logs = [program.choose(previous + 1, [log_of(program, row[k]) for row in rows]) for k in range(len(rows[0]))]
    return _categories(program, logs, chosen, y)


def _categories(program: Program, logs: list[Symbolic], shares: list[Symbolic], y: Symbolic) -> Density:
    mean = sum((k * share for k, share in enumerate(shares)), ZERO)
    square = sum((k * k * share for k, share in enumerate(shares)), ZERO)
    return Density(-program.choose(y, logs), None, mean, square - mean**2)


def _free(program: Program, arguments: Arguments, y: Symbolic, previous: Symbolic) -> Density:
    return Density(-arguments["expression"], None, _NAN, _NAN)


def _lgamma(program: Program, x: Symbolic) -> Symbolic:
    return program.apply("lgamma", x)


_KINDS: dict[str, Callable[[Program, Arguments, Symbolic, Symbolic], Density]] = {
    "Bernoulli": _bernoulli,
    "Binomial": _binomial,
    "Poisson": _poisson,
    "NegativeBinomial": _negative_binomial,
    "ZeroInflatedPoisson": _zero_inflated_poisson,
    "ZeroInflatedNegativeBinomial": _zero_inflated_negative_binomial,
    "Ordinal": _ordinal,
    "Categorical": _categorical,
    "Markov": _markov,
    "LogLikelihood": _free,
}
