"""Random effects level by level: tables of subjects, occasions and groups, with covariates at their first records, and their pictures."""

import numpy as np
import pytest

import popmix
from popmix import Covariate, Eta, Level, Model, Normal, Observation, Occasion, Theta
from popmix.diagnose.random_effects import effect_pictures, effects_of


class Crossover(Model):
    """Linear in its effects, so that modes are the means of conditional distributions."""

    OCC = Occasion()
    DOSE = Covariate()
    WT = Covariate()
    a = Theta(2.0)
    A = Normal(a, iiv=0.7, iov=0.5)
    DV = Observation(A + 0 * DOSE + 0 * WT, additive=0.4)


def crossover():
    """Subjects take the occasions in different orders, and the third misses one of them."""
    random, rows = np.random.default_rng(2), []
    for subject, occasions in enumerate((("x", "y"), ("y", "x"), ("y",), ("x", "y"))):
        for place, occasion in enumerate(occasions):
            shift = random.normal()
            values = 2 + shift + 0.4 * random.normal(size=3)
            rows += [(subject + 1, 10 * place + t, values[t], occasion, 100 * place + t, 60 + subject) for t in range(3)]
    return dict(zip(("ID", "TIME", "DV", "OCC", "DOSE", "WT"), map(list, zip(*rows, strict=True)), strict=True))


class Sites(Model):
    SITE = Level("SITE")
    HEIGHT = Covariate()
    WT = Covariate()
    a = Theta(2.0)
    A = Normal(a, iiv=0.7)
    s = Eta(sd=0.5, level=SITE)
    DV = Observation(A + s + 0 * HEIGHT + 0 * WT, additive=0.4)


def sites():
    site = np.repeat(["a", "b"], 12)
    return {
        "ID": np.repeat(np.arange(8), 3).tolist(),
        "TIME": [0, 1, 2] * 8,
        "DV": np.random.default_rng(5).normal(2, 1, 24).tolist(),
        "SITE": site.tolist(),
        "HEIGHT": np.where(site == "a", 100.0, 900.0).tolist(),
        "WT": np.repeat(np.arange(50.0, 58.0), 3).tolist(),
    }


@pytest.fixture(scope="module")
def crossed():
    return popmix.evaluate(Crossover, crossover())


@pytest.fixture(scope="module")
def sited():
    return popmix.evaluate(Sites, sites())


def test_modes_of_occasions_stand_at_their_labels(crossed):
    own = effects_of(crossed).levels[1]
    told = dict(zip(zip(own.modes["ID"], own.modes["UNIT"], strict=True), own.modes["kappa_A"], strict=True))
    assert own.level == "OCC" and list(told) == [("1", "x"), ("1", "y"), ("2", "y"), ("2", "x"), ("3", "y"), ("4", "x"), ("4", "y")]
    individuals = crossed.individuals_table
    for (subject, label), value in told.items():
        assert value == individuals[f"kappa_A_{label}"][int(subject) - 1]
    # the effect follows the residuals of its occasion (by the model A is the same through it)
    data = {name: np.array(values) for name, values in crossover().items()}
    means = [np.mean(data["DV"][(data["ID"] == int(who)) & (data["OCC"] == label)]) for who, label in told]
    assert np.corrcoef(means, list(told.values()))[0, 1] > 0.5


def test_samples_are_about_the_modes_of_their_own_occasion(crossed):
    """Conditional distributions of a linear model are normal about the modes; 2000 samples of each chain thinned by five."""
    found = popmix.conditional(crossed, 2000, seed=2)
    mean, individuals = found.samples(), crossed.individuals_table
    for name in ("eta_A", "kappa_A_x", "kappa_A_y"):
        own = np.array([mean[name][mean["ID"] == who].astype(float) for who in individuals["ID"]])
        error = own.std(axis=1) / np.sqrt(2000 / 5)
        known = np.isfinite(individuals[name])
        assert np.array_equal(np.isfinite(own).all(axis=1), known)
        assert np.all(np.abs(own.mean(axis=1) - individuals[name])[known] < 5 * error[known])
        assert np.all(np.abs(found.table[name] - individuals[name])[known] < 0.1)
    assert found.effect_names == ("eta_A", "kappa_A[1]", "kappa_A[2]")


def test_samples_in_the_picture_belong_to_their_occasion(crossed):
    own = effects_of(crossed).levels[1]
    units = list(zip(own.modes["ID"], own.modes["UNIT"], strict=True))
    of_samples = list(zip(own.samples["ID"], own.samples["UNIT"], strict=True))
    assert of_samples == [unit for unit in units for _ in range(20)]
    means = own.samples["kappa_A"].astype(float).reshape(len(units), 20).mean(axis=1)
    assert np.all(np.abs(means - own.modes["kappa_A"]) < 0.5)  # SD 0.4 at most, over 20 correlated samples


def test_covariates_are_those_of_the_first_record_of_an_occasion(crossed):
    subjects, occasions = (one.covariates for one in effects_of(crossed).levels)
    assert subjects["WT"].tolist() == [60, 61, 62, 63] and subjects["DOSE"].tolist() == [0, 0, 0, 0]
    assert occasions["DOSE"].tolist() == [0, 100, 0, 100, 0, 0, 100] and occasions["OCC"].tolist() == list("xyyxyxy")


def test_pictures_of_occasions_hold_them_against_the_occasion(crossed):
    pictures = effect_pictures(crossed)
    assert [one.title.split(" | ")[0] for one in pictures] == [
        "Random effects", "Random effects against covariates", "Random effects (OCC)", "Random effects against covariates (OCC)"
    ]  # fmt: skip
    assert set(pictures[3].data["association"]["COVARIATE"]) == {"OCC", "DOSE", "WT"}
    pictures[3].to_matplotlib()
    pictures[3].to_plotly()


def test_groups_have_a_unit_each_and_the_covariates_that_they_share(sited):
    subjects, groups = effects_of(sited).levels
    assert groups.level == "SITE" and groups.modes["UNIT"].tolist() == ["a", "b"]
    assert groups.modes["eta_s"].tolist() == sited.individuals_table["eta_s"][[0, 4]].tolist()
    assert set(subjects.covariates) == {"ID", "HEIGHT", "WT"} and set(groups.covariates) == {"ID", "UNIT", "HEIGHT"}
    assert groups.covariates["HEIGHT"].tolist() == [100.0, 900.0]


def test_without_samples_there_is_a_word(sited):
    found = effects_of(sited)
    assert all(one.samples is None for one in found.levels) and "No samples" in found.note
    assert len(effect_pictures(sited, found)) == 4


def test_shrinkage_takes_a_value_of_each_occasion_that_a_subject_has(crossed):
    table = popmix.shrinkage(crossed, samples=popmix.conditional(crossed, 50).effects).effects
    own = effects_of(crossed).levels[1].modes["kappa_A"]
    place = table["effect"].tolist().index("kappa_A")
    assert table["n"][place] == 7 and table["ebe_sd"][place] == pytest.approx(100 * (1 - np.std(own, ddof=1) / 0.5))
    assert np.isfinite(table["samples_sd"][place]) and crossed.shrinkage["kappa_A"] == table["ebe_sd"][place]
