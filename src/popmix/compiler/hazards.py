"""Cumulated hazards: in closed form where time is all that a hazard changes with, otherwise as a further differential equation."""

import symengine

from popmix.compiler.program import ONE, ZERO, Program, Symbolic


def cumulated(program: Program, hazard: Symbolic, time: Symbolic) -> Symbolic | None:
    """Return an antiderivative of a hazard by `time`, 0 at time 0; None for a form that is not known here.

    Known are products of factors free of time, powers of (factor * time), and one exponential that is linear in time:

        a (b t)^p -> a b^p t^(p+1) / (p+1),       a exp(c + g t) -> a exp(c) (exp(g t) - 1) / g

    so constant, Weibull and Gompertz hazards; sums of such.
    """
    if time not in program.leaves(hazard):
        return hazard * time
    if isinstance(hazard, symengine.Add):
        parts = [cumulated(program, one, time) for one in hazard.args]
        return None if any(part is None for part in parts) else sum(parts, ZERO)
    constant, changing = _split(program, hazard, time)
    if len(changing) != 1:
        return None
    found = _power(program, changing[0], time) or _exponential(program, changing[0], time)
    return None if found is None else constant * found


def _split(program: Program, hazard: Symbolic, time: Symbolic) -> tuple[Symbolic, list[Symbolic]]:
    factors = list(hazard.args) if isinstance(hazard, symengine.Mul) else [hazard]
    changing = [one for one in factors if time in program.leaves(one)]
    constant = ONE
    for one in factors:
        if one not in changing:
            constant *= one
    return constant, changing


def _power(program: Program, factor: Symbolic, time: Symbolic) -> Symbolic | None:
    """Return the antiderivative of (b t)^p."""
    if factor == time:
        return time**2 / 2
    if factor in program.auxiliaries and program.auxiliaries[factor].function == "power":
        base, exponent = program.auxiliaries[factor].arguments
    elif isinstance(factor, symengine.Pow) and factor.args[0] != symengine.E:
        base, exponent = factor.args
    else:
        return None
    scale, inside = _split(program, base, time)
    if inside != [time] or time in program.leaves(exponent) or exponent == -1:
        return None
    raised = program.power(base, exponent + 1)
    return raised / (scale * (exponent + 1))


def _exponential(program: Program, factor: Symbolic, time: Symbolic) -> Symbolic | None:
    """Return the antiderivative of exp(c + g t)."""
    if not (isinstance(factor, symengine.Pow) and factor.args[0] == symengine.E):
        return None
    inside = factor.args[1]
    slope = program.differentiate(inside, time)
    if time in program.leaves(slope) or slope == ZERO:
        return None
    start = symengine.exp(symengine.expand(inside - slope * time))
    # (exp(g t) - 1) / g with its limit t at g = 0
    return start * program.exponential_slope(slope, time)
