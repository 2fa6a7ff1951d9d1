"""Linear differential equations, solved exactly: the action of a matrix exponential on a state and its sensitivities.

For x' = A x + b the packed state obeys X' = L X + c with constant L and c, so that

    X(t + h) = X + h F(X) + h^2/2 L F(X) + h^3/6 L^2 F(X) + ...,     F(X) = L X + c,     L Y = F(Y) - F(0).

Intervals are divided so that |A| h stays below a bound, where the series has no cancellation to speak of and is summed to rounding.
There is no tolerance.

Source: Al-Mohy and Higham, Computing the action of the matrix exponential (SIAM J Sci Comput 33:488, 2011).
"""

import math

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.equations import jacobian_at, width_of

OK, TOO_MANY_STEPS, TOO_LONG = 0, 11, -2
# exp(4) / 1e16: cancellation costs no more than two digits; 4^40 / 40! with the square of 40 for second derivatives is below 1e-17
_BOUND, _DEGREE = 4.0, 40
_ROUNDING = 1e-17
# beyond this |A| h other methods are faster
_LONGEST = 250.0
_MOST_STEPS = 100_000


@compiled
def integrate_linear(order, s, start, end, code, work):
    """Carry `work.flow.x` from `start` to `end`; returns TOO_LONG, and leaves it, where the equations are too stiff for that."""
    flow, length, m = work.flow, code.n_states * width_of(order, s), width_of(order, s)
    norm = _norm(start, m, code, work) * (end - start)
    if not norm <= _LONGEST and (code.method == 0 or not math.isfinite(norm)):
        return TOO_LONG
    x, total, term, slopes, origin = flow.x, flow.y, flow.slopes[0], flow.slopes[1], flow.slopes[2]
    for q in range(length):
        term[q] = 0.0
    call_at(code.slopes, (order, s, start, term, origin, code, work))
    n_steps = max(1, math.ceil(norm / _BOUND))
    if n_steps > _MOST_STEPS:
        flow.failed_at[0] = start
        return TOO_MANY_STEPS
    h = (end - start) / n_steps
    for _ in range(n_steps):
        call_at(code.slopes, (order, s, start, x, slopes, code, work))
        for q in range(length):
            term[q] = h * slopes[q]
            total[q] = x[q] + term[q]
        for degree in range(2, _DEGREE + 1):
            call_at(code.slopes, (order, s, start, term, slopes, code, work))
            scale = h / degree
            for q in range(length):
                term[q] = scale * (slopes[q] - origin[q])
                total[q] += term[q]
            if degree % 4 == 0 and _is_negligible(m, term, total, code):
                break
        for q in range(length):
            x[q] = total[q]
    flow.is_fresh[0] = 0
    return OK


@part
def _norm(time, m, code, work):
    """Return the smaller of the largest column sum and the largest row sum of |A|."""
    flow, n, entries = work.flow, code.n_states, code.equations.x
    jacobian, rows, columns = flow.slopes[3], flow.slopes[4], flow.slopes[5]
    jacobian_at(time, m, flow.x, jacobian, code, work)
    for i in range(n):
        rows[i] = 0.0
        columns[i] = 0.0
    for p in range(len(entries)):
        rows[entries[p, 0]] += abs(jacobian[p])
        columns[entries[p, 1]] += abs(jacobian[p])
    by_row, by_column = 0.0, 0.0
    for i in range(n):
        by_row = max(by_row, rows[i])
        by_column = max(by_column, columns[i])
    return min(by_row, by_column)


@part
def _is_negligible(m, term, total, code):
    """Whether a term changes no column of the state by more than rounding."""
    for c in range(m):
        change, size = 0.0, 0.0
        for i in range(code.n_states):
            change += abs(term[i * m + c])
            size += abs(total[i * m + c])
        if change > _ROUNDING * size:
            return False
    return True
