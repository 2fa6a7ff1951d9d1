"""What an evaluated density lacks for the gradient of a marginal likelihood: derivatives by thetas and sigmas, and traces.

Notation as in `popmix.engine.density`.
"""

from popmix.engine.compiled import compiled, part
from popmix.engine.density import OK, times_jacobian


@part
def complete_cross(code, individual, density):
    """Add to an evaluated density its derivatives by thetas and sigmas: the gradient, and the mixed second derivatives."""
    _begin_fixed(code, individual, density)
    _chain_to_fixed(code, individual, density)


@part
def _begin_fixed(code, individual, density):
    """Set out the derivatives by thetas and sigmas; what variances frozen at eta = 0 add to them may follow."""
    times_jacobian(density.curved, individual, 0, code.n_fixed, code, density.curved_j)
    for x in range(code.n_fixed):
        density.gradient[x] = 0.0
        for k in range(code.n_etas):
            density.cross[k, x] = 0.0


@part
def _chain_to_fixed(code, individual, density):
    n, n_d, n_fixed = code.n_etas, code.n_directions, code.n_fixed
    n_u = n_fixed + n
    for d in range(n_d):
        slope, row = density.slope[d], n_d + d * n_u
        for x in range(n_fixed):
            density.gradient[x] += slope * individual[row + x]
        for k in range(n):
            if not code.depends[d, n_fixed + k]:
                continue
            through, curves = individual[row + n_fixed + k], n_d + n_d * n_u + (d * n_u + n_fixed + k) * n_u
            for x in range(n_fixed):
                density.cross[k, x] += through * density.curved_j[d, x] + slope * individual[curves + x]


@compiled
def complete(frozen, subject, inverse, code, timeline, work, density):
    """Add to an evaluated density the derivatives by thetas and sigmas, and the traces; `inverse` [n, n] is that of `expected`."""
    n, n_d, n_fixed, individual = code.n_etas, code.n_directions, code.n_fixed, work.individual
    n_u = n_fixed + n
    _spread(inverse, code, individual, density)
    _begin_fixed(code, individual, density)
    for u in range(n_u):
        density.traces[u] = 0.0
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    for j in range(end - start):
        endpoint = timeline.endpoint[start + j]
        if code.is_free[endpoint]:
            of_z, n_z = code.active[endpoint, 1], code.n_active[endpoint, 1]
            _add_form(2.0, of_z, n_z, work.first[j, 1], work.second[j, 1], density.spread, density.trace)
            continue
        variance = work.frozen[j] if frozen else work.prediction[j, 1]
        height = _add_trace(frozen, 1.0 / variance, endpoint, work.first[j], work.second[j], code, density)
        if frozen:
            residual = timeline.y[start + j] - work.prediction[j, 0]
            _add_frozen(residual, 1.0 / variance, height, endpoint, work.frozen_first[j], work.first[j, 0], code, density)
    _chain_to_fixed(code, individual, density)
    for d in range(n_d):
        trace, row = density.trace[d], n_d + d * n_u
        for u in range(n_u):
            density.traces[u] += trace * individual[row + u]
        for k in range(n):
            if not code.depends[d, n_fixed + k]:
                continue
            curves = n_d + n_d * n_u + (d * n_u + n_fixed + k) * n_u
            for u in range(n_u):
                density.traces[u] += 2.0 * density.spread_j[d, k] * individual[curves + u]
    return OK


@part
def _spread(inverse, code, individual, density):
    """Write S = J H^-1 J' (the spread of the directions) and informed J H^-1, by which the Jacobian itself changes the trace."""
    n, n_d, n_u = code.n_etas, code.n_directions, code.n_fixed + code.n_etas
    for d in range(n_d):
        row = n_d + d * n_u + code.n_fixed
        density.trace[d] = 0.0
        for k in range(n):
            total = 0.0
            for m in range(n):
                total += individual[row + m] * inverse[m, k]
            density.spread_j[d, k] = total
        for e in range(n_d):
            total, other = 0.0, n_d + e * n_u + code.n_fixed
            for k in range(n):
                total += density.spread_j[d, k] * individual[other + k]
            density.spread[d, e] = total
    for d in range(n_d):
        for k in range(n):
            total = 0.0
            for m in range(n):
                total += density.informed_j[d, m] * inverse[m, k]
            density.spread_j[d, k] = total


@part
def _add_trace(frozen, weight, endpoint, first, second, code, density):
    """Add tr(S dI/dd) of one observation, I = f_d f_d' / R + R_d R_d' / (2 R^2); returns f_d' S f_d / R^2."""
    spread, trace = density.spread, density.trace
    of_f, n_f, of_r, n_r = code.active[endpoint, 0], code.n_active[endpoint, 0], code.active[endpoint, 1], code.n_active[endpoint, 1]
    height = weight * weight * _add_form(2.0 * weight, of_f, n_f, first[0], second[0], spread, trace)
    if frozen:
        return height
    lost = height + weight**3 * _add_form(weight * weight, of_r, n_r, first[1], second[1], spread, trace)
    for a in range(n_r):
        trace[of_r[a]] -= lost * first[1, of_r[a]]
    return height


@part
def _add_form(scale, active, n_active, first, second, spread, trace):
    """Add scale * sum_d second[c, d] (S first)_d to trace[c]; returns first' S first."""
    form = 0.0
    for a in range(n_active):
        d, total = active[a], 0.0
        for b in range(n_active):
            total += spread[d, active[b]] * first[active[b]]
        form += total * first[d]
        for c in range(n_active):
            other = active[c]
            trace[other] += scale * total * (second[other, d] if c > a else second[d, other])
    return form


@part
def _add_frozen(residual, weight, height, endpoint, slopes, first, code, density):
    """Add what a frozen variance, with derivatives `slopes` [X], contributes to the derivatives by thetas and sigmas."""
    scaled, active = residual * weight, code.active[endpoint, 0]
    for x in range(code.n_fixed):
        density.gradient[x] += 0.5 * (weight - scaled * scaled) * slopes[x]
        density.traces[x] -= height * slopes[x]
        for a in range(code.n_active[endpoint, 0]):
            density.curved_j[active[a], x] += scaled * weight * first[active[a]] * slopes[x]
