"""Exact second derivatives of the joint density by all unknowns, at the modes: the curvature from which other estimations start."""

import numpy as np

from popmix.engine.compiled import call_at, compiled

_DERIVATIVES = np.int64(2)
_EXACT = False


@compiled
def curvatures(subjects, fixed, modes, precision, code, timeline, work, density, second):
    """Write d2l/du2 [U, U] at the modes for the subjects listed, u = (thetas and sigmas, etas); zeros stay where l can't be computed.

    d2l/(du dv) = J' l_dd J + l_d K in the directions d(u), and the curvature of the etas' own density.
    """
    n_d, n_fixed = code.n_directions, code.n_fixed
    n_u = n_fixed + code.n_etas
    for subject in subjects:
        for x in range(n_fixed):
            work.unknowns[x] = fixed[x]
        if call_at(code.evaluate, (_DERIVATIVES, _EXACT, subject, modes[subject], precision, code, timeline, work, density)) != 0:
            continue
        own, individual, column = second[subject], work.individual, density.by_unknown
        for d in range(n_d):
            row = n_d + d * n_u
            for u in range(n_u):
                column[u] = 0.0
                for e in range(n_d):
                    column[u] += density.curved[d, e] * individual[n_d + e * n_u + u]
            for u in range(n_u):
                through, curves = individual[row + u], n_d + n_d * n_u + (d * n_u + u) * n_u
                for v in range(n_u):
                    own[u, v] += through * column[v] + density.slope[d] * individual[curves + v]
        for k in range(code.n_etas):
            for m in range(code.n_etas):
                own[n_fixed + k, n_fixed + m] += precision[k, m]
