"""Levels: on linear Gaussian models FOCE and Laplace are exact, so that the objective is that of one multivariate normal density."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

import popmix
from popmix import *
from popmix.errors import DataError, OptionError, SupportError
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of

every_exact = pytest.mark.parametrize("method", [popmix.FOCE(), popmix.FOCE(interaction=False), popmix.Laplace()], ids=lambda one: one.name)


class Visits(Model):
    """Intercept and slope between subjects, both correlated between occasions."""

    OCC = Occasion()
    a = Theta(2.0)
    b = Theta(0.5)
    A = Normal(a, iiv=0.8, iov=0.4)
    B = Normal(b, iiv=0.3, iov=0.2)
    between = Block(A, B, correlation=0.3)
    within = Block(A, B, correlation=-0.5, level=OCC)
    DV = Observation(A + B * T, additive=0.6)


class Regions(Model):
    """Subjects in sites in regions, and occasions within subjects."""

    OCC = Occasion()
    SITE = Level()
    REGION = Level("COUNTY")
    a = Theta(2.0)
    site = Eta(0.5, level=SITE)
    slope = Eta(0.2, level=SITE)
    region = Eta(0.7, level=REGION)
    shared = Block(site, slope, correlation=0.4, level=SITE)
    A = Normal(a + site + region, iiv=0.8, iov=0.3)
    DV = Observation(A + slope * T, additive=0.6)


class Jars(Model):
    """Two levels within subjects, one inside the other."""

    JAR = Level()
    DAY = Level()
    a = Theta(2.0)
    jar = Eta(0.5, level=JAR)
    day = Eta(0.3, level=DAY)
    A = Normal(a + jar + day, iiv=0.8)
    DV = Observation(A, additive=0.6)


def table(seed: int = 3) -> pl.DataFrame:
    """Return records of 11 subjects in 5 sites in 2 counties, unbalanced, with up to three occasions each."""
    rng, rows = np.random.default_rng(seed), []
    for subject in range(11):
        site = (0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 4)[subject]
        for occasion in range(1 + subject % 3):
            for k in range(1 + (subject + occasion) % 3):
                about = {"ID": subject + 1, "SITE": f"s{site}", "COUNTY": "north" if site < 3 else "south", "OCC": 3 - occasion}
                jar = {"JAR": f"j{occasion}", "DAY": f"d{occasion}{k % 2}"}
                rows.append(about | jar | {"TIME": occasion * 4.0 + k, "DV": rng.normal(2.0, 1.5)})
    return pl.DataFrame(rows)


def exact(data: pl.DataFrame, mean: np.ndarray, covariance: np.ndarray) -> float:
    """Return -2 log of the normal density without n log 2 pi."""
    own = stats.multivariate_normal(mean, covariance)
    return -2 * own.logpdf(data["DV"].to_numpy()) - len(data) * np.log(2 * np.pi)


def same(data: pl.DataFrame, *names: str) -> np.ndarray:
    """Return 1 where two records have the same labels."""
    labels = np.array([str(row) for row in data.select(names).rows()])
    return (labels[:, None] == labels[None, :]).astype(float)


def shared(data: pl.DataFrame, sds: tuple, correlation: float, *names: str) -> np.ndarray:
    """Return the covariance that an intercept and a slope in time, shared by records with the same labels, give."""
    omega = np.array([[sds[0] ** 2, correlation * sds[0] * sds[1]], [correlation * sds[0] * sds[1], sds[1] ** 2]])
    design = np.column_stack([np.ones(len(data)), data["TIME"].to_numpy()])
    return design @ omega @ design.T * same(data, *names)


def of_regions(data: pl.DataFrame) -> np.ndarray:
    """Return the covariance of `Regions` without its residual error."""
    above = shared(data, (0.5, 0.2), 0.4, "SITE") + 0.49 * same(data, "COUNTY")
    return above + 0.64 * same(data, "ID") + 0.09 * same(data, "ID", "OCC")


@every_exact
def test_occasions_are_exact(method):
    data = table()
    covariance = shared(data, (0.8, 0.3), 0.3, "ID") + shared(data, (0.4, 0.2), -0.5, "ID", "OCC") + 0.36 * np.eye(len(data))
    expected = exact(data, 2.0 + 0.5 * data["TIME"].to_numpy(), covariance)
    assert popmix.evaluate(Visits, data, method).ofv == pytest.approx(expected, rel=1e-11)


@every_exact
def test_levels_above_subjects_are_exact(method):
    data = table()
    covariance = (
        shared(data, (0.5, 0.2), 0.4, "SITE") + 0.49 * same(data, "COUNTY") + 0.64 * same(data, "ID") + 0.09 * same(data, "ID", "OCC")
    )
    expected = exact(data, np.full(len(data), 2.0), covariance + 0.36 * np.eye(len(data)))
    found = popmix.evaluate(Regions, data, method)
    assert found.ofv == pytest.approx(expected, rel=1e-10)
    assert found.individuals_table["OFV"].sum() == pytest.approx(expected, rel=1e-10)


@every_exact
def test_levels_within_subjects_are_exact(method):
    data = table()
    covariance = 0.64 * same(data, "ID") + 0.25 * same(data, "ID", "JAR") + 0.09 * same(data, "ID", "DAY") + 0.36 * np.eye(len(data))
    assert popmix.evaluate(Jars, data, method).ofv == pytest.approx(exact(data, np.full(len(data), 2.0), covariance), rel=1e-11)


def test_modes_are_the_best_linear_predictors():
    """eta* = omega Z' V^-1 (y - mean) for every effect of every level."""
    data, found = table(), popmix.evaluate(Regions, table(), popmix.Laplace())
    covariance = (
        shared(data, (0.5, 0.2), 0.4, "SITE") + 0.49 * same(data, "COUNTY") + 0.64 * same(data, "ID") + 0.09 * same(data, "ID", "OCC")
    )
    weighted = np.linalg.solve(covariance + 0.36 * np.eye(len(data)), data["DV"].to_numpy() - 2.0)
    individuals = found.individuals_table
    ids = data["ID"].to_numpy().astype(str)
    for k, label in enumerate(individuals["ID"]):
        own = data.filter(ids == label)
        assert individuals["eta_A"][k] == pytest.approx(0.64 * weighted[ids == label].sum(), rel=1e-7, abs=1e-9)
        county = 0.49 * weighted[(data["COUNTY"] == own["COUNTY"][0]).to_numpy()].sum()
        assert individuals["eta_region"][k] == pytest.approx(county, rel=1e-7, abs=1e-9)
        for occasion in (1, 2, 3):
            kappa = 0.09 * weighted[(ids == label) & (data["OCC"] == occasion).to_numpy()].sum()
            value = individuals[f"kappa_A_{occasion}"][k]
            assert np.isnan(value) if occasion not in own["OCC"] else value == pytest.approx(kappa, rel=1e-7, abs=1e-9)


def test_the_order_of_subjects_changes_nothing():
    data = table()
    shuffled = pl.concat([part for _, part in sorted(data.group_by("ID"), key=lambda one: one[0][0] * 7 % 11)])
    one, two = (popmix.evaluate(Regions, each, popmix.FOCE()).ofv for each in (data, shuffled))
    assert one == pytest.approx(two, rel=1e-12)


def test_an_effect_without_spread_changes_nothing():
    """As its SD goes to zero the objective goes to that without the effect."""

    class Plain(Model):
        a = Theta(2.0)
        b = Theta(0.5)
        A = Normal(a, iiv=0.8)
        B = Normal(b, iiv=0.3)
        between = Block(A, B, correlation=0.3)
        DV = Observation(A + B * T, additive=0.6)

    small = {"iov_A": 1e-6, "iov_B": 1e-6, "corr_iov_A_B": 0.0}
    one, two = popmix.evaluate(Visits, table(), at=small), popmix.evaluate(Plain, table())
    # of second order in the SDs
    assert one.ofv == pytest.approx(two.ofv, abs=1e-8)


def test_occasions_by_doses_and_by_breaks_are_those_of_a_column():
    rng = np.random.default_rng(1)
    rows = []
    for subject in range(1, 6):
        for occasion, start in enumerate((0.0, 24.0, 48.0), 1):
            rows.append({"ID": subject, "TIME": start, "AMT": 100.0, "DV": None, "EVID": 1, "OCC": occasion})
            rows += [
                {"ID": subject, "TIME": start + t, "AMT": 0.0, "DV": rng.uniform(1, 9), "EVID": 0, "OCC": occasion}
                for t in (1.0, 6.0, 20.0)
            ]
    data = pl.DataFrame(rows, infer_schema_length=None)

    def model(occasion: str) -> Model:
        return popmix.model.read(f"""from popmix import *

class Doses(Model):
    OCC = {occasion}
    tvCL = Theta(1.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3, iov=0.2)
    pk = OneCompartment(cl=CL, v=10)
    DV = Observation(pk.concentration, proportional=0.2)
""")

    found = [popmix.evaluate(model(one), data).ofv for one in ("Occasion()", "Occasion(dose=True)", "Occasion(breaks=(24, 48))")]
    assert found[0] == found[1] == found[2]


def test_a_level_is_above_or_within_by_its_labels():
    problem = bind(Regions, table())
    assert [level.name for level in problem.groupings.above] == ["REGION", "SITE"]
    assert [level.name for level in problem.groupings.below] == ["OCC"]
    assert [level.name for level in bind(Jars, table()).groupings.below] == ["JAR", "DAY"]
    assert problem.effects.n_above == 3 and problem.code.n_etas == 1 + 3 + 3


class Crossed(Model):
    SITE = Level()
    share = Theta(0.4, lower=0, upper=1)
    group = Mixture(share, 1 - share)
    a, b = Theta(2.0), Theta(3.0)
    site = Eta(0.2, level=SITE)
    A = Normal(where(group == 1, a, b) + site, iiv=0.3)
    DV = Observation(A, additive=0.5)


def test_what_does_not_go_together_is_refused():
    data = table()
    with pytest.raises(SupportError, match="agq can't honour effects of REGION, SITE"):
        popmix.evaluate(Regions, data, popmix.AGQ(order=3))
    with pytest.raises(SupportError, match=r"focei can't honour a Mixture together with effects of SITE, .*: leave one of them out"):
        popmix.evaluate(Crossed, data)
    with pytest.raises(OptionError, match="weights of subjects that share effects of REGION, SITE"):
        popmix.evaluate(Regions, data, weights=np.arange(1.0, 12.0))
    with pytest.raises(DataError, match="No column SITE for the level SITE"):
        popmix.evaluate(Regions, data.drop("SITE"))


def test_parameters_of_levels_have_their_names():
    assert parameters_of(Visits).names == ("a", "b", "additive_DV", "iiv_A", "iiv_B", "iov_A", "iov_B", "corr_A_B", "corr_iov_A_B")
    assert parameters_of(Regions).names == (
        *("a", "additive_DV", "iiv_A", "iov_A", "iiv_site", "iiv_slope", "iiv_region", "corr_site_slope"),
    )  # fmt: skip
