"""From an Observation to what its records are compared with: a Gaussian value, or minus the logarithm of a probability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import symengine

from popmix.compiler.outcomes import Density, censored_density, outcome_density, student_density, truncated_density
from popmix.compiler.program import ONE, ZERO, Program, Symbolic
from popmix.errors import SupportError
from popmix.model.declarations import Distribution, Observation
from popmix.model.expression import Expression

# what a record holds beside the time: its DV, the other bound of a censored one (of an event, the time from which it counts), and the DV of
# the endpoint's record before it (-1: none)
VALUE, LIMIT, PREVIOUS = symengine.Symbol("Y"), symengine.Symbol("LIMIT"), symengine.Symbol("PREVIOUS")
# and the time since that record (-1: none)
SINCE = symengine.Symbol("SINCE")

AS_OBSERVED, CENSORED = "", ("left", "right", "between")


@dataclass(frozen=True)
class Endpoint:
    """What records of one kind are compared with.

    `outputs`: prediction and variance of a Gaussian value (DV, its logarithm where `log_scale`, or 0 where `is_shifted` says that the
    prediction holds DV itself) or, where `is_free`, -log p and a pseudo-observation for the expected curvature, if it `has_root`.
    With a `memory` there is a third output, the residual in its SD, which the next record of the subject finds there.
    `shown`: mean and variance of DV (of its logarithm where `log_scale`) for tables. `side` tells which records: as observed, or censored.
    """

    name: str
    dvid: str | None
    side: str
    outputs: tuple[Symbolic, ...]
    shown: tuple[Symbolic, Symbolic]
    is_free: bool = False
    has_root: bool = True
    log_scale: bool = False
    is_shifted: bool = False
    memory: Symbolic | None = None


@dataclass(frozen=True)
class Scope:
    """What an endpoint may read: the lowering of expressions, residual parameters by name, and cumulated hazards by endpoint.

    A cumulated hazard is that of the time at risk of a record.
    """

    program: Program
    expression: Callable[[Expression], Symbolic]
    sigmas: Mapping[str, Symbolic]
    hazards: Mapping[str, tuple[Symbolic, Symbolic]]


@dataclass(frozen=True)
class _Gaussian:
    """Prediction f and variance r on the scale on which the error is normal; `scaled` takes a value of DV there."""

    f: Symbolic
    r: Symbolic
    scaled: Callable[[Symbolic], Symbolic]


def endpoint(scope: Scope, name: str, declared: Observation, side: str) -> Endpoint:
    """Return the endpoint of an Observation for the records of one side.

    Raises SupportError for what can't be honoured together.
    """
    if isinstance(declared.prediction, Distribution):
        return _outcome(scope, name, declared)
    program, gaussian = scope.program, _gaussian(scope, name, declared)
    shown = (gaussian.f, gaussian.r) if declared.box_cox is None else _on_data_scale(scope, declared, gaussian)
    above = gaussian.scaled(ZERO) if declared.censoring == "M4" else None
    y, limit = gaussian.scaled(VALUE), gaussian.scaled(LIMIT)
    log_scale = declared.log_additive is not None
    if declared.autocorrelation is not None:
        return _correlated(scope, name, declared, side, gaussian)
    if declared.student is not None:
        if side != AS_OBSERVED or above is not None:
            raise SupportError(f"{name}: values beyond a limit can't be fitted together with student=; leave one of them out.")
        found = student_density(program, y, gaussian.f, gaussian.r, scope.expression(declared.student))
        return _free(name, declared, side, _with_jacobian(scope, declared, found), shown, log_scale)
    if side != AS_OBSERVED:
        return _free(name, declared, side, censored_density(program, side, y, limit, gaussian.f, gaussian.r, above=above), shown, log_scale)
    if above is not None:
        return _free(name, declared, side, truncated_density(program, y, gaussian.f, gaussian.r, above), shown, log_scale)
    if declared.box_cox is not None:
        # the density of DV itself: with f and r in units of its Jacobian, Y ** (lambda - 1), nothing else is needed
        unit = program.power(VALUE, ONE - scope.expression(declared.box_cox))
        outputs = ((gaussian.f - y) * unit, gaussian.r * unit**2)
        return Endpoint(name, declared.dvid, side, outputs, shown, is_shifted=True)
    return Endpoint(name, declared.dvid, side, (gaussian.f, gaussian.r), shown, log_scale=log_scale)


def _correlated(scope: Scope, name: str, declared: Observation, side: str, gaussian: _Gaussian) -> Endpoint:
    """Return an endpoint whose residuals follow AR(1): given the one before, (y - f) / s is normal with mean rho e and variance 1 - rho^2.

    rho = autocorrelation ^ time between the two records.
    """
    others = [part for part in ("box_cox", "student") if getattr(declared, part) is not None]
    if side != AS_OBSERVED or declared.censoring == "M4" or others:
        what = ", ".join(f"{part}=" for part in others) or "values beyond a limit"
        raise SupportError(f"{name}: autocorrelation= can't be fitted together with {what}; leave one of them out.")
    program, memory, sd = scope.program, symengine.Symbol(f"memory_{name}"), symengine.sqrt(gaussian.r)
    is_first = program.apply("<", SINCE, ZERO)
    rho = program.power(scope.sigmas[f"autocorrelation_{name}"], SINCE)
    expected = gaussian.f + program.apply("where", is_first, ZERO, rho * sd * memory)
    left = gaussian.r * program.apply("where", is_first, ONE, 1 - rho**2)
    outputs = (expected, left, (gaussian.scaled(VALUE) - gaussian.f) / sd)
    log_scale = declared.log_additive is not None
    return Endpoint(name, declared.dvid, side, outputs, (gaussian.f, gaussian.r), log_scale=log_scale, memory=memory)


def _free(
    name: str, declared: Observation, side: str, found: Density, shown: tuple[Symbolic, Symbolic], log_scale: bool = False
) -> Endpoint:
    root = ZERO if found.root is None else found.root
    return Endpoint(name, declared.dvid, side, (found.nll, root), shown, True, found.root is not None, log_scale)


def _gaussian(scope: Scope, name: str, declared: Observation) -> _Gaussian:
    program, prediction = scope.program, scope.expression(declared.prediction)
    if declared.log_additive is not None:
        return _Gaussian(symengine.log(prediction), scope.sigmas[f"log_additive_{name}"] ** 2, symengine.log)
    variance = _variance(scope, name, declared, prediction)
    if declared.box_cox is None:
        return _Gaussian(prediction, variance, lambda value: value)
    shape = scope.expression(declared.box_cox)

    def transformed(value: Symbolic) -> Symbolic:
        return program.exponential_slope(shape, symengine.log(value))

    return _Gaussian(transformed(prediction), variance, transformed)


def _variance(scope: Scope, name: str, declared: Observation, prediction: Symbolic) -> Symbolic:
    if declared.sd is not None:
        return scope.expression(declared.sd) ** 2
    parts = [
        scope.sigmas[f"{kind}_{name}"] * prediction**power
        for kind, power in (("additive", 0), ("proportional", 1))
        if getattr(declared, kind) is not None
    ]
    if declared.combined == "sd":
        return sum(parts, ZERO) ** 2
    if declared.power is not None:
        parts.append(scope.sigmas[f"power_{name}"] * scope.program.power(prediction, scope.sigmas[f"exponent_{name}"]))
    return sum((part**2 for part in parts), ZERO)


def _on_data_scale(scope: Scope, declared: Observation, gaussian: _Gaussian) -> tuple[Symbolic, Symbolic]:
    """Return the prediction and, by the delta method, the variance of DV itself for a transformed error."""
    prediction = scope.expression(declared.prediction)
    return prediction, gaussian.r * scope.program.power(prediction, 2 * (ONE - scope.expression(declared.box_cox)))


def _with_jacobian(scope: Scope, declared: Observation, found: Density) -> Density:
    """Return a density of DV itself where it was one of a transformed DV; that of log(DV) is left to the gate."""
    if declared.box_cox is None:
        return found
    jacobian = (scope.expression(declared.box_cox) - 1) * symengine.log(VALUE)
    return Density(found.nll - jacobian, found.root, found.mean, found.variance)


def _outcome(scope: Scope, name: str, declared: Observation) -> Endpoint:
    distribution = declared.prediction
    if distribution.kind == "TimeToEvent":
        return _event(scope, name, declared)
    arguments = {key: _lowered(scope, value) for key, value in distribution.arguments.items()}
    found = outcome_density(scope.program, distribution.kind, arguments, VALUE, PREVIOUS)
    return _free(name, declared, AS_OBSERVED, found, (found.mean, found.variance))


def _lowered(scope: Scope, value: object) -> Symbolic | tuple:
    return tuple(_lowered(scope, each) for each in value) if isinstance(value, tuple) else scope.expression(value)


def _event(scope: Scope, name: str, declared: Observation) -> Endpoint:
    """Return the endpoint of an event: -log p = cumulated - DV log(hazard), or -log(1 - exp(-cumulated)) for one in an interval.

    Tables show the probability of no event.
    """
    program, (hazard, cumulated) = scope.program, scope.hazards[name]
    survival = symengine.exp(-cumulated)
    if declared.prediction.arguments.get("interval") is not None:
        happened = -symengine.log(-program.apply("expm1", -cumulated))
        nll = program.apply("where", program.apply("==", VALUE, ONE), happened, cumulated)
    else:
        nll = cumulated - program.apply("where", program.apply("==", VALUE, ONE), symengine.log(hazard), ZERO)
    return Endpoint(name, declared.dvid, AS_OBSERVED, (nll, ZERO), (survival, survival * (1 - survival)), True, False)
