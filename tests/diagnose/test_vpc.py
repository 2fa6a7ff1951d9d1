"""Predictive checks of fits: every kind of outcome, option and refusal; a check of the true model covers."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.diagnose.vpc import CategoryVPC, SurvivalVPC
from popmix.estimate.binding import bound
from popmix.model.parameters import parameters_of
from popmix.simulate import replicates
from popmix.simulate.events import event_times


class Oral(Model):
    WT = Covariate(unit="kg")
    tvKa = Theta(1.2, lower=0)
    tvCL = Theta(2.0, lower=0)
    tvV = Theta(20.0, lower=0)
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.25)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V, ka=tvKa)
    DV = Observation(pk.concentration, proportional=0.15, additive=0.05)


def design(n=40, times=(0.5, 1, 2, 4, 8, 12, 24)):
    rows = {name: [] for name in ("ID", "TIME", "AMT", "EVID", "DV", "WT")}
    for one in range(1, n + 1):
        for time in (0.0, *times):
            is_dose = time == 0
            cells = (one, time, (100.0 if one % 2 else 400.0) * is_dose, int(is_dose), None if is_dose else 1.0, 50.0 + one)
            for name, value in zip(rows, cells, strict=True):
                rows[name].append(value)
    return rows


@pytest.fixture(scope="module")
def fit():
    data = popmix.simulate(Oral, design(), seed=7).drop("REP")
    return popmix.evaluate(Oral, data)


def test_a_check_of_the_true_model_covers():
    """Of 40 data sets of the model 95 % of the percentiles lie within their interval, to five standard errors of the mean."""
    coverage = []
    start = popmix.evaluate(Oral, design())
    simulated = popmix.simulate(Oral, design(), 40, seed=9)
    for k in range(1, 41):
        one = popmix.evaluate(Oral, simulated.filter(simulated["REP"] == k).drop("REP"))
        coverage.append(popmix.vpc(one, 300, seed=k, stratify=[str(j % 2) for j in range(40)]).coverage)
    assert start.n_subjects == 40
    assert abs(np.mean(coverage) - 0.95) < 5 * np.std(coverage) / np.sqrt(40)


def test_a_wrong_model_does_not(fit):
    wrong = popmix.evaluate(Oral, fit.data, at={"tvCL": 5.0})
    assert popmix.vpc(fit, 300).coverage > 0.8 > 0.6 > popmix.vpc(wrong, 300).coverage


def test_the_correction_makes_doses_alike(fit):
    """Two dose levels: the spread within a bin shrinks to that between subjects, in the data and in the simulations."""
    plain, corrected = popmix.vpc(fit, 200), popmix.vpc(fit, 200, correction="prediction")

    def ratio(check):
        own = check.bins["BIN"] == 2
        return check.bins["OBSERVED"][own][2] / check.bins["OBSERVED"][own][0]

    assert ratio(corrected) < 0.7 * ratio(plain)
    assert corrected.coverage > 0.8 and popmix.vpc(fit, 200, correction="variability").coverage > 0.8
    assert corrected.picture().title.startswith("Prediction-corrected")


def test_the_reference_is_the_dose_that_is_asked_for(fit):
    """All records referred to 100: those that had it stay, the others are a quarter, for a model that is linear in the dose."""
    found = popmix.vpc(fit, 100, correction="reference", reference={"AMT": 100.0}).observations
    dv = fit.predictions_table["DV"]
    odd = np.array([int(one) % 2 == 1 for one in found["ID"]])
    assert np.allclose(found["DV"][odd], dv[odd]) and np.allclose(found["DV"][~odd], dv[~odd] / 4)
    with pytest.raises(popmix.OptionError, match="reference names 'SEX', which is no column of doses"):
        popmix.vpc(fit, 50, correction="reference", reference={"SEX": 1})
    with pytest.raises(popmix.OptionError, match="go together"):
        popmix.vpc(fit, 50, correction="reference")


def test_strata_come_from_columns_or_labels(fit):
    assert set(popmix.vpc(fit, 50, stratify="WT").bins["STRATUM"]) == {"WT <= 70.5", "WT > 70.5"}
    by_id = popmix.vpc(fit, 50, stratify={str(one): "odd" if one % 2 else "even" for one in range(1, 41)})
    assert set(by_id.bins["STRATUM"]) == {"odd", "even"} and len(by_id.picture().panels) == 2
    with pytest.raises(popmix.OptionError, match=r"no column 'SEX' to stratify by \(there are: WT\).*stratify=\{ID: label"):
        popmix.vpc(fit, 50, stratify="SEX")
    with pytest.raises(popmix.OptionError, match="a label for each of 40 subjects or 280 observations, not 3"):
        popmix.vpc(fit, 50, stratify=["a", "b", "c"])


def test_axes_bins_and_percentiles(fit):
    assert np.array_equal(popmix.vpc(fit, 50, against="TAD", bins="unique").bins["X"][::3], [0.5, 1, 2, 4, 8, 12, 24])
    assert set(popmix.vpc(fit, 50, against="PRED", bins=4, percentiles=(10, 90)).bins["PERCENTILE"]) == {10.0, 90.0}
    smooth = popmix.vpc(fit, 100, bins=None, correction="prediction")
    assert np.all(np.isnan(smooth.bins["LEFT"])) and smooth.coverage > 0.8


WRONG = [
    ({"against": "AGE"}, "against='AGE' is no column"),
    ({"percentiles": (0,)}, "between 0 and 100"),
    ({"level": 2}, "level=2"),
    ({"correction": "dose"}, "correction='dose'"),
    ({"convention": "sas"}, "convention='sas'"),
    ({"endpoint": "PD"}, "endpoint='PD'"),
    ({"bins": None, "correction": "variability"}, "needs bins"),
    ({"uncertainty": 3}, "uncertainty=int"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_wrong_options_are_refused(fit, options, words):
    with pytest.raises(popmix.OptionError, match=words):
        popmix.vpc(fit, 20, **options)


def test_uncertainty_of_the_parameters_widens_the_intervals():
    fit = popmix.fit(Oral, popmix.simulate(Oral, design(20), seed=7).drop("REP"))
    narrow, wide = popmix.vpc(fit, 400), popmix.vpc(fit, 400, uncertainty=popmix.covariance(fit, "r"))
    width = [np.mean(check.bins["HIGH"] - check.bins["LOW"]) for check in (narrow, wide)]
    assert width[1] > 1.1 * width[0]


def test_threads_change_nothing(fit):
    one, two = (popmix.vpc(fit, 60, threads=threads).bins for threads in (1, 2))
    assert all(np.array_equal(one[name], two[name]) for name in ("LOW", "MEDIAN", "HIGH"))


def test_values_below_a_limit_get_a_panel_of_their_own(fit):
    limited = Oral.with_(DV=Observation(Oral["pk"].concentration, proportional=0.15, additive=0.05, lloq=1.0))
    found = popmix.vpc(popmix.evaluate(limited, fit.data, popmix.Laplace()), 300)
    below = fit.predictions_table["DV"] < 1.0
    assert np.isclose(np.sum(found.below["OBSERVED"] * found.below["N"]), below.sum())
    inside = (found.below["OBSERVED"] >= found.below["LOW"]) & (found.below["OBSERVED"] <= found.below["HIGH"])
    assert inside.mean() > 0.7 and found.limit == 1.0 and len(found.picture().panels) == 2


def test_shares_of_categories_and_counts():
    class Grades(Model):
        a = Theta(0.0)
        b = Theta(0.2)
        u = Eta(sd=1.0)
        PAIN = Observation(Ordinal(a + b * T + u, cutpoints=(-0.8, 0.7)))

    rows = {"ID": np.repeat(np.arange(60), 5).tolist(), "TIME": [0, 1, 2, 3, 4] * 60, "DV": [0, 1, 2, 1, 0] * 60}
    right = popmix.evaluate(Grades, popmix.simulate(Grades, rows, seed=4).drop("REP"))
    found = popmix.vpc(right, 300)
    assert isinstance(found, CategoryVPC) and set(found.shares["CATEGORY"]) == {"0", "1", "2"} and found.coverage > 0.8
    by_bin = [found.shares["OBSERVED"][found.shares["BIN"] == k].sum() for k in range(5)]
    assert np.allclose(by_bin, 1.0)
    assert popmix.vpc(popmix.evaluate(Grades, right.data, at={"b": -0.6}), 300).coverage < 0.5
    assert len(found.picture().panels) == 3
    for options, words in (
        ({"correction": "prediction"}, "PAIN is Ordinal: shares and survival have no correction"),
        ({"bins": None}, "need bins"),
    ):
        with pytest.raises(popmix.OptionError, match=words):
            popmix.vpc(right, 20, **options)


def test_survival_of_the_true_model_covers_and_of_a_wrong_one_does_not():
    class Events(Model):
        rate = Theta(0.12, lower=0)
        u = Eta(sd=0.5)
        EVENT = Observation(TimeToEvent(rate * exp(u)))

    n = 150
    start = popmix.evaluate(Events, {"ID": list(range(n)), "TIME": [12.0] * n, "DV": [0] * n})
    times = event_times(replicates(bound(start), parameters_of(Events), 1, seed=2), "EVENT", seed=2).times[0, :, 0]
    rows = {"ID": list(range(n)), "TIME": np.minimum(times, 12.0).tolist(), "DV": (times <= 12.0).astype(float).tolist()}
    found = popmix.vpc(popmix.evaluate(Events, rows), 200)
    assert isinstance(found, SurvivalVPC) and found.coverage > 0.7
    assert popmix.vpc(popmix.evaluate(Events, rows, at={"rate": 0.3}), 200).coverage < 0.3
    assert found.picture().name and "event 1" in repr(found)
    with pytest.raises(popmix.OptionError, match="EVENT is the time of an event, laid out along TIME"):
        popmix.vpc(popmix.evaluate(Events, rows), 50, against="TAD")
    with pytest.raises(popmix.OptionError, match="event=0: 1 is the first one"):
        popmix.vpc(popmix.evaluate(Events, rows), 50, event=0)
    with pytest.raises(popmix.OptionError, match="use vpc, which compares survival"):
        popmix.npc(popmix.evaluate(Events, rows), 50)


def test_shares_outside_prediction_intervals(fit):
    found = popmix.npc(fit, 400)
    inside = (found.coverage["OBSERVED"] >= found.coverage["LOW"]) & (found.coverage["OBSERVED"] <= found.coverage["HIGH"])
    assert inside.mean() > 0.7 and found.picture().panels
