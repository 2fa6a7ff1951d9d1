"""How accurate an integration must be: the scale of its errors, and the step to begin with.

An error e of state i counts as e / (tolerance (max(|x_i|, |d X_i,d|) + floor_i)), that of a first derivative as |d e_d| on the same
scale: the likelihood needs relative changes of parameters. The floor, 1e-5 of the largest value that the state has had and 1e-13 of the
largest of all, keeps a state that is (nearly) empty from ruling the step.
"""

import math

from popmix.engine.compiled import inlined, part
from popmix.engine.equations import width_of

_OF_OWN_PEAK, _OF_ALL_PEAKS = 1e-5, 1e-13


@inlined
def error_ratios(i, column, m, code, work):
    """Return the factor that turns an error of a column of state i into a multiple of the tolerance."""
    flow, weight = work.flow, work.flow.weights[column]
    size = max(abs(flow.x[i * m]), abs(flow.y[i * m]), weight * abs(flow.y[i * m + column]))
    scale = code.tolerance * (size + flow.floor[i])
    return weight / scale if scale > 0.0 else 0.0


@part
def set_weights(code, work):
    """Set the weights of errors by column: 1, |d|, and |d e| for second derivatives."""
    s, weights = code.n_structural, work.flow.weights
    weights[0] = 1.0
    for d in range(s):
        # a direction that is zero, a random effect at its mean, counts by itself
        weights[1 + d] = abs(work.individual[d]) if work.individual[d] != 0.0 else 1.0
        for e in range(d + 1):
            weights[1 + s + d * (d + 1) // 2 + e] = weights[1 + d] * weights[1 + e]


@inlined
def controlled(order, code, work):
    """Return how many columns of a packed state have their error controlled: values and first derivatives of the directions.

    Where doses arrive by profiles second derivatives do too: those of a density may have no limit at its beginning.
    """
    if order == 0:
        return 1
    s = code.n_structural
    return 1 + s + s * (s + 1) // 2 if order == 2 and work.sources.count[0] > 0 and work.flow.s[0] == s else 1 + s


@part
def raise_peaks(order, s, code, flow):
    """Note the largest absolute values, and the floors that follow from them."""
    m, largest = width_of(order, s), 0.0
    for i in range(code.n_states):
        flow.peak[i] = max(flow.peak[i], abs(flow.x[i * m]))
        largest = max(largest, flow.peak[i])
    for i in range(code.n_states):
        flow.floor[i] = _OF_OWN_PEAK * flow.peak[i] + _OF_ALL_PEAKS * largest


@part
def first_step(order, s, span, code, flow):
    """Return a step to begin with after a start or an event: a fraction of the time in which a state changes by itself."""
    m, fastest = width_of(order, s), 0.0
    raise_peaks(order, s, code, flow)
    for i in range(code.n_states):
        size = max(abs(flow.x[i * m]), flow.peak[i])
        if size > 0.0:
            fastest = max(fastest, abs(flow.slopes[0, i * m]) / size)
    if not fastest > 0.0 or not math.isfinite(fastest):
        return span
    return min(span, code.tolerance**0.125 / fastest)
