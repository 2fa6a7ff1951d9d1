"""Integration of stiff equations: implicit Runge–Kutta methods of the family Radau IIA, of order 9 (five stages).

The stages are found by a simplified Newton iteration with the compiled Jacobian. Sensitivities are those of the numerical
solution itself: differentiating the equations of the stages, Z = h (A x I) F(x + Z), gives linear systems with one matrix,

    (I - h A_ij J_j) Z_d = h sum_j A_ij (J_j x_d + f_d),     and with known Z_d the same matrix for Z_de.

The error is that of an embedded formula of order 5, filtered by (I - h b J)^-1; as it overestimates the error of the method, it is
compared with 0.1 tolerance^0.7: RADAU's exponent of 0.6 leaves errors of several tolerances, 0.7 of less than one.

Sources: Hairer and Wanner, Solving Ordinary Differential Equations II (2nd ed., 1996), IV.5 and IV.8; Stiff differential equations
solved by Radau methods (J Comput Appl Math 111:93, 1999).
"""

import math

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.equations import jacobian_at, width_of
from popmix.engine.radau import ERROR, GAMMA, MOST_ITERATIONS, N_STAGES, NODES, A, remember, solve_stages
from popmix.engine.tolerance import controlled, error_ratios, first_step, raise_peaks

OK, STEP_TOO_SMALL, TOO_MANY_STEPS = 0, 10, 11

_EXPONENT = -1.0 / (N_STAGES + 1)
_SCALE, _POWER = 0.1, 0.7
_SAFETY, _LEAST, _LARGEST = 0.9, 0.2, 8.0
_MOST_STEPS = 20_000


@compiled
def integrate_stiff(order, s, start, end, code, work):
    """Integrate `work.flow.x` from `start` to `end`. Returns a status, with the time in `failed_at` where it failed."""
    flow, stages, time = work.flow, work.stages, start
    length, x, y = code.n_states * width_of(order, s), flow.x, flow.y
    grow = _LARGEST
    stages.length[0] = 0.0 if not flow.is_fresh[0] else stages.length[0]
    _begin(order, s, time, code, work)
    if not flow.is_fresh[0] or not flow.step[0] > 0.0:
        flow.step[0] = first_step(order, s, end - start, code, flow)
        flow.is_fresh[0] = 1
    for _ in range(_MOST_STEPS):
        h, left = flow.step[0], end - time
        ends = h >= 0.95 * left
        h = left if ends else min(h, 0.55 * left) if 2.0 * h > left else h
        used = solve_stages(s, order, time, h, code, work)
        ratio = math.nan
        if used > 0:
            if order > 0:
                used = _solve_sensitivities(order, s, time, h, code, work) * used
            _set_end(order, s, code, work)
            ratio = _error(order, s, h, code, work) if used > 0 else math.nan
        if not ratio < 1.0:
            flow.step[0], grow = h * (max(_LEAST, _SAFETY * ratio**_EXPONENT) if math.isfinite(ratio) else 0.25), 1.0
            stages.length[0] = 0.0
            if flow.step[0] <= 1e-14 * abs(time) or flow.step[0] < 1e-300:
                flow.failed_at[0] = time
                return STEP_TOO_SMALL
            continue
        time = end if ends else time + h
        remember(order, s, h, code, work)
        for q in range(length):
            x[q] = y[q]
        raise_peaks(order, s, code, flow)
        patient = _SAFETY * (2.0 * MOST_ITERATIONS + 1.0) / (2.0 * MOST_ITERATIONS + used)
        wanted = h * min(grow, max(_LEAST, patient * max(ratio, 1e-12) ** _EXPONENT))
        flow.step[0] = max(wanted, flow.step[0]) if ends else wanted
        grow = _LARGEST
        if ends:
            flow.is_fresh[0] = 1
            return OK
        _begin(order, s, time, code, work)
    flow.failed_at[0] = time
    return TOO_MANY_STEPS


@part
def _begin(order, s, time, code, work):
    """Evaluate slopes and Jacobian at the start of a step."""
    call_at(code.slopes, (order, s, time, work.flow.x, work.flow.slopes[0], code, work))
    jacobian_at(time, width_of(order, s), work.flow.x, work.stages.jacobians[N_STAGES], code, work)


@part
def _fill_matrix(h, code, work):
    """Write I - h A_ij J_j and factorise it."""
    n, stages, entries = code.n_states, work.stages, code.equations.x
    matrix, width = stages.matrix, N_STAGES * code.n_states
    for q in range(width * width):
        matrix[q] = 0.0
    for q in range(width):
        matrix[q * width + q] = 1.0
    for j in range(N_STAGES):
        jacobian = stages.jacobians[j]
        for p in range(len(entries)):
            for i in range(N_STAGES):
                matrix[(i * n + entries[p, 0]) * width + j * n + entries[p, 1]] -= h * A[i, j] * jacobian[p]
    return call_at(code.factorise, (width, matrix, stages.pivots)) != 0


@part
def _solve_sensitivities(order, s, time, h, code, work):
    """Solve for the derivatives of the stages; returns 1, or 0 where the matrix is singular."""
    m = width_of(order, s)
    for degree in range(1, order + 1):
        first, last = (1, 1 + s) if degree == 1 else (1 + s, m)
        _differentiate_stages(order, s, m, first, time, h, code, work)
        if degree == 1 and not _fill_matrix(h, code, work):
            return 0
        _combine_slopes(m, first, last, h, code, work)
        call_at(code.solve_real, (N_STAGES * code.n_states, work.stages.matrix, work.stages.pivots, work.stages.z, m, first, last))
    return 1


@part
def _differentiate_stages(order, s, m, first, time, h, code, work):
    """Evaluate the slopes of all stages, with derivatives of the stages known before column `first`, into `right`."""
    flow, stages, n = work.flow, work.stages, code.n_states
    length = n * m
    for j in range(N_STAGES):
        for i in range(n):
            for c in range(m):
                q = i * m + c
                flow.y[q] = flow.x[q] + (stages.z[j * length + q] if c < first else 0.0)
        out = stages.right[j * length : (j + 1) * length]
        call_at(code.slopes, (order, s, time + NODES[j] * h, flow.y, out, code, work))
        if first == 1:
            jacobian_at(time + NODES[j] * h, m, flow.y, stages.jacobians[j], code, work)


@part
def _combine_slopes(m, first, last, h, code, work):
    """Write h sum_j A_ij slopes_j into the columns `first` to `last` - 1 of z."""
    stages, n = work.stages, code.n_states
    for k in range(N_STAGES):
        for i in range(n):
            row = (k * n + i) * m
            for c in range(first, last):
                total = 0.0
                for j in range(N_STAGES):
                    total += A[k, j] * stages.right[(j * n + i) * m + c]
                stages.z[row + c] = h * total


@part
def _set_end(order, s, code, work):
    """Write the state at the end of the step, which is that of the last stage, into `flow.y`."""
    flow, length = work.flow, code.n_states * width_of(order, s)
    for q in range(length):
        flow.y[q] = flow.x[q] + work.stages.z[(N_STAGES - 1) * length + q]


@part
def _error(order, s, h, code, work):
    """Return the error of the step as a multiple of the tolerance; nan where it is not finite."""
    flow, stages, n, m = work.flow, work.stages, code.n_states, width_of(order, s)
    columns, small = controlled(order, code, work), stages.small
    for q in range(n * n):
        small[q] = 0.0
    for i in range(n):
        small[i * n + i] = GAMMA / h
    for p in range(len(code.equations.x)):
        small[code.equations.x[p, 0] * n + code.equations.x[p, 1]] -= stages.jacobians[N_STAGES, p]
    if not call_at(code.factorise, (n, small, stages.small_pivots)):
        return math.nan
    for i in range(n):
        for c in range(columns):
            total = flow.slopes[0, i * m + c]
            for k in range(N_STAGES):
                total += ERROR[k] / h * stages.z[(k * n + i) * m + c]
            stages.right[i * columns + c] = total
    call_at(code.solve_real, (n, small, stages.small_pivots, stages.right, columns, 0, columns))
    largest = 0.0
    for i in range(n):
        for c in range(columns):
            ratio = abs(stages.right[i * columns + c]) * error_ratios(i, c, m, code, work)
            if not math.isfinite(ratio):
                return math.nan
            largest = max(largest, ratio)
    # the ratio to tolerance is turned into that to the tolerance of the embedded formula
    return largest * code.tolerance / (_SCALE * code.tolerance**_POWER)
