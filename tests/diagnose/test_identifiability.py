"""What data can say of parameters, by models of which it is known."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.diagnose.identifiability import identifiability


def rows(times, n=12, dose=100.0):
    found = {name: [] for name in ("ID", "TIME", "AMT", "EVID", "DV")}
    for one in range(1, n + 1):
        for time in (0.0, *times):
            is_dose = time == 0
            for name, value in zip(found, (one, time, dose * is_dose, int(is_dose), None if is_dose else 1.0), strict=True):
                found[name].append(value)
    return found


class Two(Model):
    tvCL = Theta(1.0, lower=0)
    tvV1 = Theta(10.0, lower=0)
    tvQ = Theta(2.0, lower=0)
    tvV2 = Theta(20.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    pk = TwoCompartments(cl=CL, v1=tvV1, q=tvQ, v2=tvV2)
    DV = Observation(pk.concentration, proportional=0.1)


def simulated(model, design):
    return popmix.simulate(model, design, seed=3).drop("REP")


def test_a_well_posed_model_is_called_fine():
    found = identifiability(Two, simulated(Two, rows((0.5, 1, 2, 4, 8, 24, 48))))
    assert found.is_fine and found.rank == found.n == 6 and "Every parameter is determined" in repr(found)


def test_late_samples_can_not_tell_the_compartments_apart():
    found = identifiability(Two, simulated(Two, rows((60, 72, 96))))
    assert not found.is_fine and not found.flat
    assert {"tvV2", "tvQ"} <= {name for name, _ in found.weak[0].parts}
    assert "can hardly be told apart with samples from time 60 to 96" in found.sentences[0]


def test_predicted_errors_are_those_that_fits_have():
    """SE from the expected information before the fit against R of fits to 20 simulated data sets, to their own scatter."""
    design = rows((0.5, 1, 2, 4, 8, 24, 48), n=40)
    found = identifiability(Two, simulated(Two, design)).table
    fits = [popmix.fit(Two, popmix.simulate(Two, design, seed=10 + k).drop("REP")) for k in range(12)]
    scatter = np.std([[fit.parameters[name] for name in found["NAME"]] for fit in fits], axis=0, ddof=1)
    # the SD of 12 values has a relative error of 1 / sqrt(22): three of them on either side
    assert np.all(np.abs(np.log(scatter / found["SE"])) < 3 / np.sqrt(22))


def test_a_parameter_that_never_reaches_a_prediction():
    class Dead(Model):
        tvCL = Theta(1.0, lower=0)
        tvV = Theta(10.0, lower=0)
        dead = Theta(2.0)
        CL = LogNormal(tvCL, iiv=0.3)
        V = LogNormal(tvV, iiv=0.2)
        pk = OneCompartment(cl=CL, v=V)
        DV = Observation(pk.concentration + where(T < 0, dead, 0), proportional=0.1)

    found = identifiability(Dead, rows((1, 2, 8)))
    assert found.unreached == ("dead",) and found.rank == found.n - 1
    assert found.sentences[0].startswith("dead never reaches a prediction of an observation with samples from time 1 to 8")


def test_only_ratios_to_bioavailability_are_determined():
    class Free(Model):
        tvCL = Theta(1.0, lower=0)
        tvV = Theta(10.0, lower=0)
        tvF = Theta(0.7, lower=0)
        pk = OneCompartment(cl=tvCL, v=tvV, f=tvF)
        u = Eta(sd=0.2)
        DV = Observation(pk.concentration * exp(u), proportional=0.1)

    found = identifiability(Free, rows((1, 2, 8, 16)))
    assert len(found.flat) == 1 and {name for name, _ in found.flat[0].parts} == {"tvCL", "tvV", "tvF"}
    # along the direction the logarithms of all three move alike: in standard units by their own errors, here all but equal
    assert "can't be told apart" in found.sentences[0] and np.isinf(found.condition_number)


def test_one_observation_each_can_not_part_the_two_kinds_of_variability():
    class One(Model):
        a = Theta(5.0)
        A = Normal(a, iiv=1.0)
        DV = Observation(A, additive=0.5)

    data = {"ID": [1, 2, 3, 4, 5], "TIME": [0] * 5, "DV": [4.0, 5.0, 6.0, 5.5, 3.0]}
    found = identifiability(One, data)
    assert {name for name, _ in found.flat[0].parts} == {"additive_DV", "iiv_A"}
    after = identifiability(popmix.fit(One.fix(additive_DV=0.5), data))
    assert after.after and after.is_fine


def test_after_a_fit_the_errors_are_those_of_r():
    fit = popmix.fit(Two, simulated(Two, rows((0.5, 1, 2, 4, 8, 24, 48))))
    found, covariance = identifiability(fit).table, popmix.covariance(fit, "r")
    assert np.allclose(found["SE"], [covariance.se[name] for name in found["NAME"]], rtol=1e-4)


def test_data_are_needed():
    with pytest.raises(popmix.OptionError, match=r"judged from data: identifiability\(model, data\)"):
        identifiability(Two)
