"""Third derivatives of the joint density in the form in which gradients need them, from exact second derivatives.

Of sum_km A_km d3l/(deta_k deta_m du), with A = F W' for given F and W, each column of F is a direction along which the second derivatives
d2l/(deta du) are differenced; F has the size of conditional standard deviations.
"""

import numpy as np

from popmix.engine.compiled import call_at, part
from popmix.engine.completion import complete_cross
from popmix.engine.density import OK
from popmix.engine.equations import EQUATIONS

_DERIVATIVES = np.int64(2)
_EXACT = False
# steps in conditional standard deviations: with two points the error is h^2 / 6 of the fifth derivatives, about 1e-8; second derivatives of
# equations carry the noise of the integration, which a long step and four points (error h^4 / 30) keep down
_SHORT, _LONG = 2e-4, 0.03


@part
def follow_curvature(subject, mode, columns, weights, precision, code, timeline, work, density, point, traces):
    """Write t_u = sum_kmj W_kj F_mj d3l/(deta_k deta_m du), F = `columns`, W = `weights`, at `mode`. Returns a status.

    `point` [n] is working memory; density and `work` are left as they were at the last point.
    """
    n, n_u = code.n_etas, code.n_fixed + code.n_etas
    for u in range(n_u):
        traces[u] = 0.0
    step, n_points = (_LONG, 2) if code.route == EQUATIONS else (_SHORT, 1)
    for j in range(n):
        for place in range(1, n_points + 1):
            height = 0.5 / step if n_points == 1 else (8.0 if place == 1 else -1.0) / (12.0 * step)
            for side in range(2):
                sign = 1.0 - 2.0 * side
                for k in range(n):
                    point[k] = mode[k] + sign * place * step * columns[k, j]
                status = call_at(code.evaluate, (_DERIVATIVES, _EXACT, subject, point, precision, code, timeline, work, density))
                if status != OK:
                    return status
                complete_cross(code, work.individual, density)
                for k in range(n):
                    for u in range(n_u):
                        traces[u] += sign * height * weights[k, j] * density.cross[k, u]
    return OK
