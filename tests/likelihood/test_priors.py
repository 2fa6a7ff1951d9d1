"""Priors: values in NONMEM's convention, exact derivatives, refusals in words, and fits that are modes of posteriors."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from tests.differences import slopes

import popmix
from popmix.data import datasets
from popmix.errors import ModelError
from popmix.estimate.scale import Scale
from popmix.likelihood.priors import Priors
from popmix.model import *
from popmix.model.parameters import parameters_of


class Every(Model):
    """Every kind of prior, on every kind of parameter."""

    a = Theta(1.2, lower=0, prior=priors.LogNormal(0.3, 0.4))
    b = Theta(0.4, prior=priors.Normal(0.5, 0.2))
    c = Theta(2.0, lower=0, prior=priors.HalfNormal(3))
    d = Theta(1.5)
    e = Theta(-0.5)
    both = priors.JointNormal(d, e, mean=(1, 0), covariance=((0.5, 0.1), (0.1, 0.2)))
    A = LogNormal(a, iiv=Estimate(0.3, prior=priors.HalfStudentT(3, 0.5)))
    B = Normal(b, iiv=0.4)
    C = LogNormal(c, iiv=0.2)
    D = Normal(d, iiv=0.3)
    E = Normal(e, iiv=Estimate(0.6, prior=priors.InverseWishart(4, 0.3)))
    F = Normal(e, iiv=0.5)
    first = Block(A, B, correlation=0.2, prior=priors.LKJ(2.5))
    second = Block(C, D, F, correlation=0.3, prior=priors.InverseWishart(6, ((0.2, 0.05, 0), (0.05, 0.3, 0), (0, 0, 0.4))))
    DV = Observation(A + B * T + C + D + E + F, additive=Estimate(0.2, prior=priors.LogNormal(-1, 1)))


EVERY = parameters_of(Every)


def test_derivatives_are_exact():
    found = Priors.of(Every, EVERY)
    values = EVERY.values * 1.07
    # central differences of a smooth function: seven digits
    np.testing.assert_allclose(found.gradient(values), slopes(found.value, values, 1e-4), rtol=1e-6, atol=1e-7)
    for k in range(len(values)):
        by_k = slopes(lambda x, k=k: found.gradient(x)[k], values, 1e-4)
        np.testing.assert_allclose(found.curvature(values)[k], by_k, rtol=1e-6, atol=1e-6)


def test_values_are_densities_without_constants():
    """Differences of the value between two points are those of scipy's log densities."""
    found, parameters = Priors.of(Every, EVERY), EVERY
    one, two = parameters.values, parameters.values * 0.93

    def density(values: np.ndarray) -> float:
        own = parameters.unchecked(values)
        omega, r = own.omega(), own["corr_A_B"]
        places = [own.eta_names.index(name) for name in ("C", "D", "F")]
        scale = np.array(((0.2, 0.05, 0), (0.05, 0.3, 0), (0, 0, 0.4)))
        total = stats.lognorm.logpdf(own["a"], 0.4, scale=np.exp(0.3)) + stats.norm.logpdf(own["b"], 0.5, 0.2)
        total += stats.halfnorm.logpdf(own["c"], scale=3)
        total += stats.multivariate_normal.logpdf([own["d"], own["e"]], [1, 0], [[0.5, 0.1], [0.1, 0.2]])
        total += stats.t.logpdf(own["iiv_A"], 3, scale=0.5) + stats.invwishart.logpdf(own["iiv_E"] ** 2, 4, 0.3)
        total += 1.5 * np.log(1 - r**2) + stats.invwishart.logpdf(omega[np.ix_(places, places)], 6, scale)
        return total + stats.lognorm.logpdf(own["additive_DV"], 1, scale=np.exp(-1))

    assert found.value(two) - found.value(one) == pytest.approx(-2 * (density(two) - density(one)), rel=1e-10)


def test_priors_survive_writing_and_show_in_the_table():
    assert popmix.read(write(Every)) == Every
    shown = repr(Every)
    for piece in ("LogNormal(0.3, 0.4)", "LKJ(2.5)", "InverseWishart(4, 0.3)", "HalfStudentT(3, 0.5)", "Joint normal priors"):
        assert piece in shown


def test_priors_of_what_is_fixed_do_not_count():
    held = Every.fix("a", "iiv_A", "d")
    found = Priors.of(held, parameters_of(held))
    assert popmix.read(write(held)) == held
    gradient = found.gradient(EVERY.values)
    fixed = [EVERY.index(name) for name in ("a", "iiv_A", "d")]
    assert np.all(gradient[fixed] == 0) and gradient[EVERY.index("e")] != 0
    # the conditional mean of e given d = 1.5: 0 + 0.1 / 0.5 * 0.5
    assert found.gradient(EVERY.with_values({"e": 0.1}).values)[EVERY.index("e")] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("theta", "sd", "block", "message"),
    [
        ("Theta(1.0, prior=priors.HalfNormal(1))", "0.3", "", "HalfNormal of a is one of positive numbers, but a may be negative"),
        ("Theta(1.0, lower=-1, prior=priors.LogNormal(0, 1))", "0.3", "", "LogNormal of a is one of positive numbers"),
        ("Theta(1.0, lower=0, upper=2, prior=priors.Normal(50, 1))", "0.3", "", "the prior of a lies outside its bounds"),
        ("Theta(1.0, lower=0, upper=9, prior=priors.LogNormal(8, 0.1))", "0.3", "", "LogNormal takes mean and SD of the logarithm"),
        ("Theta(1.0, prior=priors.LKJ(2))", "0.3", "", "LKJ is a prior of the correlations of a Block, not of a theta"),
        ("Theta(1.0)", "Estimate(0.3, prior=priors.LKJ(2))", "", "LKJ is a prior of correlations, not of iiv_A"),
        ("Theta(1.0)", "Estimate(0.3, prior=priors.Normal(-9, 1))", "", "the prior of iiv_A lies outside its bounds"),
        ("Theta(1.0)", "0.3", "om = Block(A, B, prior=priors.HalfNormal(1))", "HalfNormal is a prior of a number, not of the Block om"),
        ("Theta(1.0)", "0.3", "om = Block(A, B, prior=priors.InverseWishart(1, 1))", "needs more than 1 degrees of freedom, not 1"),
        ("Theta(1.0)", "0.3", "om = Block(A, B, prior=priors.InverseWishart(4, ((1, 2), (2, 1))))", "no covariance matrix of 2 effects"),
        ("Theta(1.0)", "Estimate(0.3, prior=priors.HalfNormal(1))", "om = Block(A, B, prior=priors.InverseWishart(4))", "prior of its own"),
        ("Theta(1.0)", "0.3", "om = Block(A, B, prior=3)", "prior must be one of popmix's priors"),
        (
            "Theta(1.0)",
            "0.3",
            "om = priors.JointNormal(a, A, mean=(1, 2), covariance=((1, 0), (0, 1)))",
            "a JointNormal is a prior of thetas",
        ),
        ("Theta(1.0)", "0.3", "om = priors.JointNormal(a, mean=(1, 2), covariance=((1, 0), (0, 1)))", "do not fit its thetas"),
        ("Theta(1.0, lower=Estimate(0.3))", "0.3", "", "lower can't be Estimate(...)"),
        ("Theta(1.0)", "0.3", "om = Estimate(0.3)", "om is Estimate(...), which declares nothing"),
    ],
)
def test_priors_that_make_no_sense_are_refused_in_words(theta, sd, block, message):
    lines = ["from popmix import *", "class Wrong(Model):", f"    a = {theta}", f"    A = LogNormal(a, iiv={sd})"]
    lines += ["    B = Normal(a, iiv=0.1)", f"    {block}", "    DV = Observation(A + B * T, additive=0.5)"]
    with pytest.raises(ModelError) as caught:
        popmix.read("\n".join(lines))
    assert message in str(caught.value)


class Informed(Model):
    """Theophylline with priors on everything."""

    tvKa = Theta(1.5, lower=0, prior=priors.LogNormal(0.8, 0.2))
    tvCL = Theta(0.04, lower=0, prior=priors.Normal(0.03, 0.003))
    tvV = Theta(0.5, lower=0)
    Ka = LogNormal(tvKa, iiv=0.6)
    CL = LogNormal(tvCL, iiv=Estimate(0.3, prior=priors.HalfStudentT(3, 0.1)))
    V = LogNormal(tvV, iiv=0.2)
    om = Block(Ka, CL, correlation=0.1, prior=priors.LKJ(3))
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, additive=0.3, proportional=Estimate(0.1, prior=priors.LogNormal(-2, 0.5)))


def test_a_penalised_fit_is_the_mode_of_the_posterior():
    data = datasets.load("theophylline")
    found = popmix.fit(Informed, data)
    assert found.convergence.converged and found.ofv == pytest.approx(found.minus2ll - 132 * np.log(2 * np.pi) + found.prior, abs=1e-9)
    assert "(prior " in repr(found)
    # a direct search for the mode, on the same scale, which knows neither gradient nor curvature
    scale = Scale.of(parameters_of(Informed))
    best = minimize(
        lambda x: popmix.evaluate(Informed, data, at=scale.template.unchecked(scale.unpack(x))).ofv,
        scale.pack(found.parameters) + 0.02,
        method="BFGS",
        options={"gtol": 1e-3},
    )
    assert found.ofv <= best.fun + 1e-5 and found.ofv == pytest.approx(best.fun, abs=1e-4)
    np.testing.assert_allclose(scale.pack(found.parameters), best.x, atol=2e-3)


def test_without_priors_it_is_maximum_likelihood():
    data = datasets.load("theophylline")
    plain = popmix.fit(Informed, data, popmix.FOCE(prior=False))
    assert plain.prior == 0.0 and "(priors left out)" in repr(plain)
    assert popmix.fit(Informed, data).minus2ll > plain.minus2ll
