"""The conditional mode of a subject's random effects (the empirical Bayes estimate): a guarded Newton method."""

import numpy as np

from popmix.engine.compiled import call_at, compiled, inlined
from popmix.engine.linear import cholesky, solve_cholesky

OK, MODE_NOT_CONVERGED, CURVATURE_NOT_POSITIVE = 0, 3, 4

# Newton decrement g' L^-1 g at which the mode is exact to about 1e-7 of its standard deviation
CONVERGED = 1e-14
_MOST_STEPS = 100
_MOST_HALVINGS = 30
# of the candidates of a global search, this many of the best are followed to their mode
_FOLLOWED = 3


@compiled
def climb(frozen, subject, eta, precision, code, timeline, work, density):
    """Minimise l from `eta` in place; `density` is left at the mode. Returns a status code.

    Newton steps with the exact second derivatives, or with the expected curvature where those are not positive definite,
    halved until l falls. The last full step of a converging search is taken without a check.
    """
    n = len(eta)
    status = call_at(code.evaluate, (np.int64(2), frozen, subject, eta, precision, code, timeline, work, density))
    if status != OK or n == 0:
        return status
    factor, step, trial = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    curvature, slope = np.zeros((n, n)), np.zeros(n)
    for _ in range(_MOST_STEPS):
        for k in range(n):
            slope[k] = density.gradient[code.n_fixed + k]
            for m in range(n):
                curvature[k, m] = density.cross[k, code.n_fixed + m]
        exact = cholesky(curvature, factor)
        if not exact and not cholesky(density.expected, factor):
            return CURVATURE_NOT_POSITIVE
        solve_cholesky(factor, slope, step)
        decrement = 0.0
        for k in range(n):
            decrement += slope[k] * step[k]
        if decrement < CONVERGED or (exact and decrement < 1e-15 * abs(density.value[0])):
            return OK if exact else CURVATURE_NOT_POSITIVE
        if not _descend(frozen, subject, eta, step, decrement, trial, precision, code, timeline, work, density):
            # rounding stops a search whose decrement is still visible only where l itself is huge
            return OK if exact and decrement < 1e-11 * (1.0 + abs(density.value[0])) else MODE_NOT_CONVERGED
    return MODE_NOT_CONVERGED


@inlined
def _descend(frozen, subject, eta, step, decrement, trial, precision, code, timeline, work, density):
    """Move eta along -step, halving until l falls; `density` is then evaluated at the new eta. False if nothing helps."""
    before = density.value[0]
    # below this decrement the fall of l drowns in its rounding: the quadratic model is right, take the full step
    surely = decrement < 1e-7
    length = 1.0
    for _ in range(_MOST_HALVINGS):
        for k in range(len(eta)):
            trial[k] = eta[k] - length * step[k]
        status = call_at(code.evaluate, (np.int64(0), frozen, subject, trial, precision, code, timeline, work, density)) if not surely else OK
        if status == OK and (surely or density.value[0] <= before - 1e-4 * length * decrement):
            for k in range(len(eta)):
                eta[k] = trial[k]
            return call_at(code.evaluate, (np.int64(2), frozen, subject, eta, precision, code, timeline, work, density)) == OK
        length *= 0.5
        surely = False
    call_at(code.evaluate, (np.int64(2), frozen, subject, eta, precision, code, timeline, work, density))
    return False


@compiled
def search(frozen, subject, eta, candidates, root, precision, code, timeline, work, density):
    """Look for the global mode: climb from `eta`, from zero and from the best of `candidates` (in SDs of the etas).

    `root` is the lower Cholesky factor of omega. Ends at the lowest l found; returns its status.
    """
    n = len(eta)
    starts = np.zeros((_FOLLOWED + 2, n))
    for k in range(n):
        starts[0, k] = eta[k]
    heights = np.full(_FOLLOWED, np.inf)
    point = np.zeros(n)
    for c in range(len(candidates)):
        for k in range(n):
            point[k] = 0.0
            for m in range(k + 1):
                point[k] += root[k, m] * candidates[c, m]
        if call_at(code.evaluate, (np.int64(0), frozen, subject, point, precision, code, timeline, work, density)) == OK:
            _keep_best(density.value[0], point, heights, starts)
    best, best_status = np.inf, MODE_NOT_CONVERGED
    found = eta.copy()
    for start in range(_FOLLOWED + 2):
        if start >= 2 and not np.isfinite(heights[start - 2]):
            break
        for k in range(n):
            point[k] = starts[start, k]
        status = climb(frozen, subject, point, precision, code, timeline, work, density)
        better = status == OK and density.value[0] < best - 1e-9 * (1.0 + abs(best) if np.isfinite(best) else 1.0)
        if better or (best_status != OK and status == OK):
            best, best_status = density.value[0], status
            for k in range(n):
                found[k] = point[k]
        elif not np.isfinite(best) and start == 0:
            best_status = status
    for k in range(n):
        eta[k] = found[k]
    return best_status


@inlined
def _keep_best(height, point, heights, starts):
    """Insert a candidate into the sorted list of the lowest ones (rows 2 and on of `starts`)."""
    for place in range(len(heights)):
        if height < heights[place]:
            for later in range(len(heights) - 1, place, -1):
                heights[later] = heights[later - 1]
                for k in range(len(point)):
                    starts[later + 2, k] = starts[later + 1, k]
            heights[place] = height
            for k in range(len(point)):
                starts[place + 2, k] = point[k]
            return
