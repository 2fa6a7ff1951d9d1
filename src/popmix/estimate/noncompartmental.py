"""What concentrations after a dose say about compartments without a model: clearance, volume and absorption for start values.

    CL = dose / AUC,    V = dose / C_max,    ka from t_max = log(ka / k) / (ka - k) with k = CL / V,

as medians over the subjects, of the records after their first dose and before the next. AUC is by the trapezoidal rule, to infinity with
the slope of the last three logarithms. Rough, and meant to be: within a factor of two is a good start value.
"""

from collections.abc import Mapping
from statistics import median

import numpy as np

from popmix.data import EventTable
from popmix.model.declarations import IndividualParameter, Named, Theta
from popmix.model.evaluation import value_of
from popmix.model.expression import Expression, Reference
from popmix.model.model import Model

_ROLES = {"cl": "cl", "v": "v", "v1": "v", "ka": "ka", "q": "cl", "q2": "cl", "q3": "cl", "v2": "v", "v3": "v"}
# an absorption rate that t_max can't tell is taken as this many times the elimination rate
_FAST = 5.0


def noncompartmental(data: EventTable) -> dict[str, float]:
    """Return the medians of `cl`, `v` and `ka` over subjects with a first dose and three positive observations after it; {} without any."""
    found = [one for one in (_subject(data, subject) for subject in range(data.n_subjects)) if one]
    return {name: float(median(one[name] for one in found)) for name in ("cl", "v", "ka")} if found else {}


def _subject(data: EventTable, subject: int) -> dict[str, float]:
    own = slice(data.starts[subject], data.starts[subject + 1])
    times, doses = data.time[own], np.flatnonzero(data.dosing[own] & (np.nan_to_num(data.amt[own]) > 0))
    if not len(doses):
        return {}
    begin, dose = times[doses[0]], float(data.amt[own][doses[0]])
    until = times[doses[1]] if len(doses) > 1 else np.inf
    first_endpoint = data.endpoint[own] == data.endpoint[data.scored][0]
    used = data.scored[own] & first_endpoint & (times > begin) & (times <= until) & (np.nan_to_num(data.dv[own]) > 0)
    t, c = times[used] - begin, data.dv[own][used]
    if len(t) < 3 or np.ptp(t) == 0:
        return {}
    order = np.argsort(t, kind="stable")
    t, c = t[order], c[order]
    slope = -np.polyfit(t[-3:], np.log(c[-3:]), 1)[0] if np.ptp(t[-3:]) > 0 else 0.0
    slope = slope if slope > 0 else 1.0 / (t[-1] - t[0])
    area = float(np.trapezoid(np.concatenate([[0.0], c]), np.concatenate([[0.0], t]))) + c[-1] / slope
    cl, v = dose / area, dose / float(c.max())
    return {"cl": cl, "v": v, "ka": _absorption(float(t[np.argmax(c)]), cl / v)}


def _absorption(peak: float, k: float) -> float:
    """Return ka with its peak at a time: log(ka / k) / (ka - k) falls in ka."""
    low, high = k * 1.001, k * 1e4
    if not np.log(high / k) / (high - k) < peak < np.log(low / k) / (low - k):
        return _FAST * k
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if np.log(middle / k) / (middle - k) > peak else (low, middle)
    return float(np.sqrt(low * high))


def from_data(model: Model, data: EventTable, values: Mapping[str, float]) -> dict[str, float]:
    """Return values of thetas (`values` otherwise) with which arguments of compartments have the size that the data speak for.

    Only thetas in proportion to which an argument changes, or with whose exponential, are moved.
    """
    known, moved = noncompartmental(data), dict(values)
    medians = {name: float(np.median(column)) for name, column in data.covariates.items() if column.dtype.kind == "f"}
    done: set[str] = set()
    for structure in model.structures.values():
        for argument, expression in structure.arguments.items():
            role = _ROLES.get(argument)
            if role in known:
                _move(model, expression, known[role], moved, medians, done)
    return moved


def _move(
    model: Model, expression: Expression, target: float, moved: dict[str, float], medians: Mapping[str, float], done: set[str]
) -> None:
    def at(changes: Mapping[str, float]) -> float:
        return _typical(model, expression, {**medians, **moved, **changes})

    try:
        value = at({})
        for name, theta in model.thetas.items():
            if theta.fixed or name in done or not value > 0:
                continue
            if np.isclose(at({name: 2 * moved[name]}), 2 * value) and moved[name] > 0:
                moved[name] *= target / value
            elif np.isclose(at({name: moved[name] + 1}), np.e * value):
                moved[name] += float(np.log(target / value))
            else:
                continue
            low = -np.inf if theta.lower is None else theta.lower
            high = np.inf if theta.upper is None else theta.upper
            if not low < moved[name] < high:
                moved[name] = theta.start
            done.add(name)
            return
    except (KeyError, ArithmeticError, ValueError, TypeError):
        return  # it depends on time, states or text: the declared start stays


def _typical(model: Model, expression: Expression, values: dict[str, float]) -> float:
    """Return the value of an expression with random effects at zero."""
    known = dict(values)
    for name, one in model.declarations.items():
        if isinstance(one, Theta):
            known.setdefault(name, one.start)
        elif isinstance(one, (IndividualParameter, Named)):
            inner = one.typical if isinstance(one, IndividualParameter) else one.expression
            try:
                known[name] = value_of(inner, known)
            except (KeyError, ArithmeticError, ValueError, TypeError):
                continue  # not needed, or missed below
    return known[expression.name] if isinstance(expression, Reference) else value_of(expression, known)
