"""Integration of equations that are not stiff: the explicit Runge–Kutta method of order 8 of Dormand and Prince.

Every step ends at the latest at the next event, so that predictions carry the full order. The error of values and first
derivatives is controlled (see `popmix.engine.tolerance`). Steps that stability limits instead of accuracy are counted; many in a row say
that the equations are stiff.

Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I (2nd ed., 1993), II.5 and II.10 (DOP853).
"""

import math

import numpy as np

from popmix.engine.compiled import call_at, compiled, inlined, part
from popmix.engine.equations import width_of
from popmix.engine.tolerance import controlled, error_ratios, first_step, raise_peaks

OK, STEP_TOO_SMALL, TOO_MANY_STEPS, BECAME_STIFF = 0, 10, 11, -1

_C = (0.0, 0.05260015195876773, 0.0789002279381516, 0.1183503419072274, 0.2816496580927726, 0.3333333333333333,
      0.25, 0.3076923076923077, 0.6512820512820513, 0.6, 0.8571428571428571, 1.0)  # fmt: skip
# per stage the earlier stages that it uses, and their weights
_USED = ((), (0,), (0, 1), (0, 2), (0, 2, 3), (0, 3, 4), (0, 3, 4, 5), (0, 3, 4, 5, 6), (0, 3, 4, 5, 6, 7), (0, 3, 4, 5, 6, 7, 8),
         (0, 3, 4, 5, 6, 7, 8, 9), (0, 3, 4, 5, 6, 7, 8, 9, 10))  # fmt: skip
_A = (
    (),
    (0.05260015195876773,),
    (0.0197250569845379, 0.0591751709536137),
    (0.02958758547680685, 0.08876275643042054),
    (0.2413651341592667, -0.8845494793282861, 0.924834003261792),
    (0.037037037037037035, 0.17082860872947386, 0.12546768756682242),
    (0.037109375, 0.17025221101954405, 0.06021653898045596, -0.017578125),
    (0.03709200011850479, 0.17038392571223998, 0.10726203044637328, -0.015319437748624402, 0.008273789163814023),
    (0.6241109587160757, -3.3608926294469414, -0.868219346841726, 27.59209969944671, 20.154067550477894, -43.48988418106996),
    (0.47766253643826434, -2.4881146199716677, -0.590290826836843, 21.230051448181193, 15.279233632882423, -33.28821096898486,
     -0.020331201708508627),
    (-0.9371424300859873, 5.186372428844064, 1.0914373489967295, -8.149787010746927, -18.52006565999696, 22.739487099350505,
     2.4936055526796523, -3.0467644718982196),
    (2.273310147516538, -10.53449546673725, -2.0008720582248625, -17.9589318631188, 27.94888452941996, -2.8589982771350235,
     -8.87285693353063, 12.360567175794303, 0.6433927460157636),
)  # fmt: skip
_WEIGHTS_USED = (0, 5, 6, 7, 8, 9, 10, 11)
_WEIGHTS = (0.054293734116568765, 4.450312892752409, 1.8915178993145003, -5.801203960010585, 0.3111643669578199, -0.1521609496625161,
            0.20136540080403034, 0.04471061572777259)  # fmt: skip
# differences of the weights to those of embedded formulas of order 3 and 5
_ERROR_3 = (-0.18980075407240762, 4.450312892752409, 1.8915178993145003, -5.801203960010585, -0.4226823213237919, -0.1521609496625161,
            0.20136540080403034, 0.02265179219836082)  # fmt: skip
_ERROR_5 = (0.01312004499419488, -1.2251564463762044, -0.4957589496572502, 1.6643771824549864, -0.35032884874997366, 0.3341791187130175,
            0.08192320648511571, -0.022355307863886294)  # fmt: skip

_N_STAGES, _MOST = len(_A), 9


def _table(rows: tuple[tuple, ...], dtype: type) -> np.ndarray:
    table = np.zeros((len(rows), _MOST), dtype=dtype)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table


_NODES = np.array(_C)
_COUNTS = np.array([*map(len, _A), len(_WEIGHTS), len(_WEIGHTS), len(_WEIGHTS)], dtype=np.int64)
_ROWS = _table((*_USED, _WEIGHTS_USED, _WEIGHTS_USED, _WEIGHTS_USED), np.int64)
_COLUMNS = _table((*_A, _WEIGHTS, _ERROR_3, _ERROR_5), np.float64)
_SOLUTION, _THIRD, _FIFTH = _N_STAGES, _N_STAGES + 1, _N_STAGES + 2

_SAFETY, _LEAST, _LARGEST = 0.9, 0.2, 6.0
_MOST_STEPS = 20_000
# Steps are limited by stability where h |lambda| stays near 6, the edge of the region of stability; as they are refused and grow
# again it wanders between 3 and 10. Accurate steps stay below 2. So many steps more of the one kind than of the other count as stiff.
_STABLE, _PATIENCE = 3.0, 15


@inlined
def _combine(stage, h, origin, slopes, out, length):
    """Write origin + h * sum of weights times slopes, four at a time."""
    count, rows, weights = _COUNTS[stage], _ROWS[stage], _COLUMNS[stage]
    a, b = slopes[rows[0]], h * weights[0]
    for q in range(length):
        out[q] = origin[q] + b * a[q]
    term = 1
    while term + 3 <= count:
        k0, k1, k2 = slopes[rows[term]], slopes[rows[term + 1]], slopes[rows[term + 2]]
        w0, w1, w2 = h * weights[term], h * weights[term + 1], h * weights[term + 2]
        for q in range(length):
            out[q] += w0 * k0[q] + w1 * k1[q] + w2 * k2[q]
        term += 3
    while term < count:
        a, b = slopes[rows[term]], h * weights[term]
        for q in range(length):
            out[q] += b * a[q]
        term += 1


@compiled
def integrate_nonstiff(order, s, start, end, code, work):
    """Integrate `work.flow.x` from `start` to `end`. Returns a status.

    The time stands in `failed_at` where it failed, and in `turned_at` where another method can go on.
    """
    flow, length, time = work.flow, code.n_states * width_of(order, s), start
    x, y, slopes = flow.x, flow.y, flow.slopes
    if not flow.is_fresh[0]:
        call_at(code.slopes, (order, s, time, x, slopes[0], code, work))
        flow.step[0] = first_step(order, s, end - start, code, flow)
        flow.is_fresh[0] = 1
    grow = _LARGEST
    for _ in range(_MOST_STEPS):
        h, left = flow.step[0], end - time
        # a last step a little longer, or two of equal length, rather than a tiny one at the end
        ends = h >= 0.95 * left
        h = left if ends else min(h, 0.55 * left) if 2.0 * h > left else h
        _stages(order, s, time, h, length, code, work)
        ratio = _error(order, s, h, code, work)
        if not ratio < 1.0:
            h *= max(_LEAST, _SAFETY * ratio ** (-1.0 / 8.0)) if math.isfinite(ratio) else _LEAST
            flow.step[0], grow = h, 1.0
            if h <= 1e-14 * abs(time) or h < 1e-300:
                flow.failed_at[0] = flow.turned_at[0] = time
                return STEP_TOO_SMALL
            continue
        reached = end if ends else time + h
        call_at(code.slopes, (order, s, reached, y, slopes[12], code, work))
        stiff = _meets_stability(order, s, h, code, work)
        for q in range(length):
            x[q] = y[q]
            slopes[0, q] = slopes[12, q]
        raise_peaks(order, s, code, flow)
        wanted = h * min(grow, max(_LEAST, _SAFETY * max(ratio, 1e-12) ** (-1.0 / 8.0)))
        # a step cut short by an event says nothing against the longer one that was planned
        flow.step[0] = max(wanted, flow.step[0]) if ends else wanted
        time, grow = reached, _LARGEST
        if ends:
            return OK
        if stiff:
            flow.turned_at[0] = time
            return BECAME_STIFF
    flow.failed_at[0] = flow.turned_at[0] = time
    return TOO_MANY_STEPS


@part
def _stages(order, s, time, h, length, code, work):
    """Fill the slopes of the stages and the trial state."""
    flow = work.flow
    for stage in range(1, _N_STAGES):
        _combine(stage, h, flow.x, flow.slopes, flow.y, length)
        call_at(code.slopes, (order, s, time + _NODES[stage] * h, flow.y, flow.slopes[stage], code, work))
    _combine(_SOLUTION, h, flow.x, flow.slopes, flow.y, length)


@part
def _error(order, s, h, code, work):
    """Return the error of the step as a multiple of the tolerance, by both embedded formulas; nan where it is not finite."""
    flow, largest = work.flow, 0.0
    m, columns = width_of(order, s), controlled(order, code, work)
    for i in range(code.n_states):
        for c in range(columns):
            q, third, fifth = i * m + c, 0.0, 0.0
            for term in range(_COUNTS[_THIRD]):
                slope = flow.slopes[_ROWS[_THIRD, term], q]
                third += _COLUMNS[_THIRD, term] * slope
                fifth += _COLUMNS[_FIFTH, term] * slope
            scale = error_ratios(i, c, m, code, work)
            third, fifth = abs(h * third) * scale, abs(h * fifth) * scale
            total = fifth * fifth + 0.01 * third * third
            if not math.isfinite(total):
                return math.nan
            if total > 0.0:
                largest = max(largest, fifth * fifth / math.sqrt(total))
    return largest


@part
def _meets_stability(order, s, h, code, work):
    """Whether the last steps were as long as stability allows, judged by the last two evaluations at the end of the step."""
    flow, m, change, distance = work.flow, width_of(order, s), 0.0, 0.0
    if code.method != 0:
        return False
    # the state of the last stage is not kept: it is the combination that led to it
    for i in range(code.n_states):
        q, last = i * m, flow.x[i * m]
        for term in range(_COUNTS[_N_STAGES - 1]):
            last += h * _COLUMNS[_N_STAGES - 1, term] * flow.slopes[_ROWS[_N_STAGES - 1, term], q]
        change += (flow.slopes[12, q] - flow.slopes[11, q]) ** 2
        distance += (flow.y[q] - last) ** 2
    if distance > 0.0 and h * math.sqrt(change / distance) > _STABLE:
        flow.n_stiff[0] += 1
    else:
        flow.n_stiff[0] = max(0, flow.n_stiff[0] - 1)
    return flow.n_stiff[0] >= _PATIENCE
