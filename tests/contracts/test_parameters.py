"""Fixed parameters, bounds, and parameters that have no effect."""

import numpy as np
import pytest
from shared_models import METHODS, every_method
from worlds import WORLDS

import popmix
from popmix import *
from popmix.model.parameters import parameters_of

BOLUS, ORAL = WORLDS["bolus"], WORLDS["oral"]


class Plain(Model):
    """Oral without its covariate."""

    tvCL = Theta(2.4, lower=0)
    tvV = Theta(18.0, lower=0)
    tvKa = Theta(1.2, lower=0, upper=20)
    lag = Theta(0.3, lower=0)
    CL = LogNormal(tvCL, iiv=0.25)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.4)
    pk = OneCompartment(cl=CL, v=V, ka=Ka, lag=lag)
    DV = Observation(pk.concentration, additive=0.4, proportional=0.15)


@every_method
def test_a_covariate_without_effect_changes_nothing(method):
    still = ORAL.model.fix(wt_CL=0.0)
    for run in (popmix.evaluate, popmix.fit):
        one, other = run(still, ORAL.data, method), run(Plain, ORAL.data, method)
        assert one.ofv == pytest.approx(other.ofv, abs=1e-7)
        assert one.n_estimated == other.n_estimated
        shared = {name: one.parameters[name] for name in other.parameters.names}
        assert shared == pytest.approx(other.parameters.as_dict(), rel=1e-6)


@every_method
def test_a_covariate_with_effect_fits_no_worse(method):
    one, other = (popmix.fit(model, ORAL.data, method) for model in (ORAL.model, Plain))
    assert one.ofv < other.ofv


@every_method
@pytest.mark.parametrize("name", ["tvV", "iiv_CL", "proportional_DV"])
def test_a_fixed_parameter_stays_and_the_others_move(method, name):
    start = parameters_of(BOLUS.model)
    free = popmix.fit(BOLUS.model, BOLUS.data, method)
    held = popmix.fit(BOLUS.model.fix(name), BOLUS.data, method)
    assert held.parameters[name] == start[name]
    assert held.n_estimated == free.n_estimated - 1
    moved = [other for other in start.names if other != name and held.parameters[other] != start[other]]
    assert len(moved) == len(start) - 1
    assert held.ofv > free.ofv
    # fixed at its estimate, a parameter leaves the optimum where it was
    at = BOLUS.model.fix(**{name: free.parameters[name]})
    again = popmix.fit(at, BOLUS.data, method)
    assert again.ofv == pytest.approx(free.ofv, abs=5e-6)


@every_method
def test_a_block_held_fixed_stays(method):
    class Held(Model):
        tvCL = Theta(1.2, lower=0)
        tvV = Theta(9.0, lower=0)
        CL = LogNormal(tvCL, iiv=Fixed(0.4))
        V = LogNormal(tvV, iiv=Fixed(0.3))
        omega = Block(CL, V, correlation=Fixed(0.2))
        pk = OneCompartment(cl=CL, v=V)
        DV = Observation(pk.concentration, proportional=0.15)

    found = popmix.fit(Held, BOLUS.data, method)
    assert found.parameters.omega() == pytest.approx(np.array([[0.16, 0.024], [0.024, 0.09]]), rel=1e-15)
    assert found.n_estimated == 3


@every_method
@pytest.mark.parametrize(("low", "high", "edge"), [(12.0, None, 12.0), (None, 8.0, 8.0), (2.0, 8.0, 8.0), (12.0, 30.0, 12.0)])
def test_a_bound_in_the_way_is_respected(method, low, high, edge):
    """The optimum is near tvV = 10; a bound short of it is approached, and the OFV is that with tvV fixed there."""

    class Bounded(Model):
        tvCL = Theta(1.2, lower=0)
        tvV = Theta(14.0 if high is None or high > 14 else 7.0, lower=low, upper=high)
        CL = LogNormal(tvCL, iiv=0.4)
        V = LogNormal(tvV, iiv=0.3)
        pk = OneCompartment(cl=CL, v=V)
        DV = Observation(pk.concentration, proportional=0.15)

    found = popmix.fit(Bounded, BOLUS.data, method)
    value = found.parameters["tvV"]
    assert (low is None or value >= low) and (high is None or value <= high)
    assert value == pytest.approx(edge, rel=1e-6)
    held = popmix.fit(Bounded.fix(tvV=edge), BOLUS.data, method)
    # the descent towards a bound ends when it promises less than 1e-6 and a look further towards it gains nothing; so does the other
    assert found.ofv == pytest.approx(held.ofv, abs=5e-6)


@every_method
def test_bounds_that_are_not_in_the_way_change_nothing(method):
    """Three transforms of one parameter: none, a logarithm, a logit."""
    ofvs, estimates = [], []
    for bounds in ({}, {"lower": 0}, {"lower": 1.0, "upper": 40.0}, {"upper": 40.0}):

        class Bounded(Model):
            tvCL = Theta(1.2, lower=0)
            tvV = Theta(9.0, **bounds)
            CL = LogNormal(tvCL, iiv=0.4)
            V = LogNormal(tvV, iiv=0.3)
            pk = OneCompartment(cl=CL, v=V)
            DV = Observation(pk.concentration, proportional=0.15)

        found = popmix.fit(Bounded, BOLUS.data, method)
        ofvs.append(found.ofv)
        estimates.append(found.parameters.values)
    assert ofvs == pytest.approx([ofvs[0]] * 4, abs=2e-6)
    for values in estimates:
        assert values == pytest.approx(estimates[0], rel=1e-3)


@every_method
def test_the_order_of_declaration_of_effects_changes_nothing(method):
    class Turned(Model):
        tvV = Theta(9.0, lower=0)
        tvCL = Theta(1.2, lower=0)
        V = LogNormal(tvV, iiv=0.3)
        CL = LogNormal(tvCL, iiv=0.4)
        omega = Block(V, CL, correlation=0.2)
        pk = OneCompartment(cl=CL, v=V)
        DV = Observation(pk.concentration, proportional=0.15)

    one, other = (popmix.fit(model, BOLUS.data, method) for model in (BOLUS.model, Turned))
    # the same iterates but for the rounding of sums in another order
    assert one.ofv == pytest.approx(other.ofv, abs=1e-9)
    assert one.parameters["corr_CL_V"] == pytest.approx(other.parameters["corr_V_CL"], rel=1e-8)
    assert one.parameters["tvCL"] == pytest.approx(other.parameters["tvCL"], rel=1e-8)


@every_method
def test_a_log_normal_is_a_normal_of_the_logarithm(method):
    class Logarithms(Model):
        lCL = Theta(np.log(1.2))
        lV = Theta(np.log(9.0))
        a = Normal(lCL, iiv=0.4)
        b = Normal(lV, iiv=0.3)
        omega = Block(a, b, correlation=0.2)
        pk = OneCompartment(cl=exp(a), v=exp(b))
        DV = Observation(pk.concentration, proportional=0.15)

    one, other = (popmix.fit(model, BOLUS.data, method) for model in (BOLUS.model, Logarithms))
    # a theta with a lower bound of 0 is searched by its logarithm, so that both searches are one, but for the roundings of modes
    assert one.ofv == pytest.approx(other.ofv, abs=1e-8)
    assert np.log(one.parameters["tvCL"]) == pytest.approx(other.parameters["lCL"], abs=1e-6)
    assert one.parameters["iiv_V"] == pytest.approx(other.parameters["iiv_b"], rel=1e-6)


# an SD that vanished together with a correlation at its edge: neither can come back alone
TOGETHER = [("foce", 5e-3), ("foce", 1e-3), ("foce", 6.3e-4), ("focei", 2.512e-6)]


@pytest.mark.parametrize(("method", "sd"), TOGETHER)
def test_a_correlation_at_its_edge_is_left_again(method, sd):
    expected = popmix.fit(BOLUS.model, BOLUS.data, METHODS[method])
    found = popmix.fit(BOLUS.model, BOLUS.data, METHODS[method], start={"iiv_CL": sd})
    assert found.convergence.converged and found.ofv == pytest.approx(expected.ofv, abs=1e-5)
