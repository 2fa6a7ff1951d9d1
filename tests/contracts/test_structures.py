"""The closed forms of the engine against the matrix exponential, and against their formulas written out in the language."""

import numpy as np
import polars as pl
import pytest
from closed_form import amounts, mammillary
from shared_models import every_method
from worlds import WORLDS, frame

import popmix
from popmix import *
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of

BOLUS = WORLDS["bolus"]
# sums of exponentials against each other: a few hundred roundings of the largest term
EXACT = 1e-10


class One(Model):
    tvCL = Theta(1.7)
    pk = OneCompartment(cl=tvCL, v=8.0)
    DV = Observation(pk.concentration, additive=1.0)


class OneOral(Model):
    tvCL = Theta(1.7)
    pk = OneCompartment(cl=tvCL, v=8.0, ka=0.7)
    DV = Observation(pk.concentration, additive=1.0)


class Two(Model):
    tvCL = Theta(1.7)
    pk = TwoCompartments(cl=tvCL, v1=8.0, q=2.1, v2=15.0)
    DV = Observation(pk.concentration, additive=1.0)


class TwoOral(Model):
    tvCL = Theta(1.7)
    pk = TwoCompartments(cl=tvCL, v1=8.0, q=2.1, v2=15.0, ka=0.7)
    DV = Observation(pk.concentration, additive=1.0)


class Three(Model):
    tvCL = Theta(1.7)
    pk = ThreeCompartments(cl=tvCL, v1=8.0, q2=2.1, v2=15.0, q3=0.4, v3=40.0)
    DV = Observation(pk.concentration, additive=1.0)


class ThreeOral(Model):
    tvCL = Theta(1.7)
    pk = ThreeCompartments(cl=tvCL, v1=8.0, q2=2.1, v2=15.0, q3=0.4, v3=40.0, ka=0.7)
    DV = Observation(pk.concentration, additive=1.0)


STRUCTURES = {
    "one": (One, mammillary(1.7, 8.0), 0),
    "one oral": (OneOral, mammillary(1.7, 8.0, ka=0.7), 1),
    "two": (Two, mammillary(1.7, 8.0, [(2.1, 15.0)]), 0),
    "two oral": (TwoOral, mammillary(1.7, 8.0, [(2.1, 15.0)], ka=0.7), 1),
    "three": (Three, mammillary(1.7, 8.0, [(2.1, 15.0), (0.4, 40.0)]), 0),
    "three oral": (ThreeOral, mammillary(1.7, 8.0, [(2.1, 15.0), (0.4, 40.0)], ka=0.7), 1),
}
# time, compartment, amount, duration: boluses and overlapping infusions, one of them long
HISTORY = [(0.0, 0, 100.0, 0.0), (3.0, 0, 70.0, 5.0), (5.0, 0, 30.0, 1.5), (12.0, 0, 50.0, 0.0), (12.0, 0, 20.0, 30.0)]


@pytest.mark.parametrize(("name", "second"), [(name, k) for name, (_, rates, _) in STRUCTURES.items() for k in range(len(rates))])
def test_structures_equal_the_matrix_exponential(name, second):
    """Doses also into every other compartment, peripheral ones included."""
    model, rates, central = STRUCTURES[name]
    history = [*HISTORY, (2.0, second, 45.0, 0.0), (8.0, second, 25.0, 6.0)]
    times = np.array([0.5, 2.5, 4.0, 6.0, 7.9, 9.0, 15.0, 30.0, 70.0])
    rows = [{"ID": 1, "TIME": t, "AMT": a, "DUR": d or None, "CMT": c + 1, "EVID": 1} for t, c, a, d in history]
    rows += [{"ID": 1, "TIME": float(t), "DV": 1.0, "EVID": 0} for t in times]
    rows.sort(key=lambda row: row["TIME"])
    found = popmix.evaluate(model, frame(rows)).predictions_table["PRED"]
    assert found == pytest.approx(amounts(rates, history, times)[:, central] / 8.0, rel=1e-9)


# the same models written out


class BolusWritten(Model):
    """Bolus of `worlds` as algebra in T and DOSE."""

    DOSE = Covariate()
    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    omega = Block(CL, V, correlation=0.2)
    DV = Observation(DOSE / V * exp(-CL / V * T), proportional=0.15)


class OralSingle(Model):
    tvCL = Theta(2.4, lower=0)
    tvV = Theta(18.0, lower=0)
    tvKa = Theta(1.2, lower=0)
    CL = LogNormal(tvCL, iiv=0.25)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.4)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, additive=0.4, proportional=0.15)


class OralWritten(Model):
    DOSE = Covariate()
    tvCL = Theta(2.4, lower=0)
    tvV = Theta(18.0, lower=0)
    tvKa = Theta(1.2, lower=0)
    CL = LogNormal(tvCL, iiv=0.25)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.4)
    k = CL / V
    DV = Observation(DOSE * Ka / (V * (Ka - k)) * (exp(-k * T) - exp(-Ka * T)), additive=0.4, proportional=0.15)


class TwoWritten(Model):
    """Infusion of `worlds` after a single bolus."""

    DOSE = Covariate()
    tvCL = Theta(1.6, lower=0)
    tvV1 = Theta(4.5, lower=0)
    tvQ = Theta(1.3, lower=0)
    tvV2 = Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V1 = LogNormal(tvV1, iiv=0.25)
    k10 = CL / V1
    k12 = tvQ / V1
    k21 = tvQ / tvV2
    total = k10 + k12 + k21
    root = sqrt(total**2 - 4 * k10 * k21)
    fast = (total + root) / 2
    slow = (total - root) / 2
    DV = Observation(DOSE / V1 * ((fast - k21) * exp(-fast * T) + (k21 - slow) * exp(-slow * T)) / (fast - slow), additive=0.5)


def single_doses(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a single-dose study with events, and the same with the dose as a covariate."""
    rng, rows = np.random.default_rng(seed), []
    for subject in range(1, 11):
        dose, size, speed = float(80 + 10 * (subject % 4)), 15 * np.exp(0.3 * rng.normal()), 0.12 * np.exp(0.3 * rng.normal())
        rows.append({"ID": subject, "TIME": 0.0, "AMT": dose, "EVID": 1, "DOSE": dose})
        for time in (0.5, 1.5, 4.0, 9.0, 15.0):
            dv = dose / size * np.exp(-speed * time) * (1 - 0.3 * np.exp(-time)) * np.exp(0.1 * rng.normal())
            rows.append({"ID": subject, "TIME": time, "DV": dv, "EVID": 0, "DOSE": dose})
    events = frame(rows)
    return events.drop("DOSE"), events.filter(pl.col("EVID") == 0).drop("AMT", "EVID")


@every_method
@pytest.mark.parametrize(
    ("structure", "written"),
    [(BOLUS.model, BolusWritten), (OralSingle, OralWritten), (WORLDS["infusion"].model, TwoWritten)],
    ids=["bolus", "oral", "two"],
)
def test_a_structure_is_its_formula(method, structure, written):
    events, algebra = single_doses(4)
    one, other = popmix.evaluate(structure, events, method), popmix.evaluate(written, algebra, method)
    for name in ("PRED", "IPRED", "CWRES"):
        # one problem for the mode searches, which take the same steps but for roundings
        assert one.predictions_table[name] == pytest.approx(other.predictions_table[name], rel=1e-9, abs=1e-9), name
    assert one.predictions_table["PRED"] == pytest.approx(other.predictions_table["PRED"], rel=EXACT)
    assert one.ofv == pytest.approx(other.ofv, abs=1e-8)


@every_method
def test_a_structure_has_the_gradient_of_its_formula(method):
    events, algebra = single_doses(4)
    gradients = []
    for model, data in ((OralSingle, events), (OralWritten, algebra)):
        problem, parameters = bind(model, data), parameters_of(model)
        found = problem.foce(parameters, interaction=method.interaction, globally=True)
        gradients.append(np.hstack([found.marginal.by_fixed, found.marginal.by_omega.reshape(10, -1)]))
    # at the same modes but for roundings, in sums of second derivatives that cancel
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-10, abs=1e-10 * np.max(np.abs(gradients[0])))


@every_method
def test_a_fitted_structure_is_its_fitted_formula(method):
    events, algebra = single_doses(4)
    one, other = popmix.fit(BOLUS.model, events, method), popmix.fit(BolusWritten, algebra, method)
    # the same iterates but for roundings
    assert one.ofv == pytest.approx(other.ofv, abs=1e-9)
    assert one.parameters.values == pytest.approx(other.parameters.values, rel=1e-9)


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-9, 1e-6, 1e-3])
def test_equal_rates_are_no_singularity(gap):
    """ka = k (1 + gap) without effects on them: the limit D k t exp(-k t) / V, to first order in the gap."""

    class Equal(Model):
        tvK = Theta(0.4)
        V = LogNormal(10.0, iiv=0.2)
        pk = OneCompartment(cl=tvK * V, v=V, ka=tvK * (1 + gap))
        DV = Observation(pk.concentration, proportional=0.1)

    times = np.array([0.5, 2.0, 7.0])
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 50.0, "EVID": 1}, *({"ID": 1, "TIME": float(t), "DV": 2.0, "EVID": 0} for t in times)]
    found = popmix.evaluate(Equal, frame(rows)).predictions_table["PRED"]
    k, ka = 0.4, 0.4 * (1 + gap)
    # (exp(-k t) - exp(-ka t)) / (ka - k) = exp(-k t) (1 - exp(-d t)) / d, in a form that does not cancel
    d = ka - k
    mean = -np.expm1(-d * times) / d if d else times
    assert found == pytest.approx(50 / 10 * ka * np.exp(-k * times) * mean, rel=1e-10)
