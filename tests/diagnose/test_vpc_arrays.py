"""The numbers behind predictive checks: an independent program's vectors, laws of bins, quantiles, corrections and survival."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import popmix
from popmix.diagnose.npde import Limits
from popmix.diagnose.vpc.bins import binned
from popmix.diagnose.vpc.continuous import Correction, Layout, continuous_vpc
from popmix.diagnose.vpc.corrections import prediction_factor, reference_factor, scaled, variability_corrected
from popmix.diagnose.vpc.numerical import numerical_check
from popmix.diagnose.vpc.percentiles import fraction_rows, percentile_rows
from popmix.diagnose.vpc.quantiles import quantiles
from popmix.diagnose.vpc.smooth_quantiles import Smoother
from popmix.diagnose.vpc.survival import kaplan_meier, survival_at

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "methods" / "vpc_selfmade.json"


@pytest.fixture(scope="module")
def reference():
    if not REFERENCE.is_file():
        pytest.skip("needs the folder of reference numbers beside the checkout")
    told = json.loads(REFERENCE.read_text())
    return told | {name: np.array(told[name]) for name in ("time", "obs", "sim", "pred", "pc_obs", "pvc_obs")}


def corrected(reference, kind):
    index = binned(reference["time"], "unique").index
    if kind == "vpc":
        return reference["obs"], reference["sim"], index
    factor = prediction_factor(reference["pred"], index)
    observed, simulated = (scaled(reference[name], factor) for name in ("obs", "sim"))
    if kind == "pcvpc":
        return observed, simulated, index
    return *variability_corrected(observed, simulated, reference["pred"], index), index


@pytest.mark.parametrize("kind", ["vpc", "pcvpc", "pvcvpc"])
def test_percentiles_of_the_published_vector(reference, kind):
    observed, simulated, index = corrected(reference, kind)
    told = reference["results"][kind]
    for convention in ("type7", "psn"):
        found = percentile_rows(observed, simulated, index, 4, convention=convention)
        for k, middle in enumerate(np.unique(reference["time"])[found["BIN"]]):
            expected = told[str(middle)][f"{found['PERCENTILE'][k]:g}"]
            assert np.isclose(found["OBSERVED"][k], expected[f"obs_{convention}"], rtol=1e-12)
            if convention == "type7":
                own = [found[name][k] for name in ("MEDIAN", "LOW", "HIGH", "POOLED")]
                assert np.allclose(
                    own, [expected["sim_median_of_percentiles"], *expected["ci95_type7"], expected["sim_pooled_type7"]], rtol=1e-12
                )


def test_corrected_values_of_the_published_vector(reference):
    assert np.allclose(corrected(reference, "pcvpc")[0], reference["pc_obs"], rtol=1e-12)
    assert np.allclose(corrected(reference, "pvcvpc")[0], reference["pvc_obs"], rtol=1e-12)


def test_fractions_below_the_limit_of_the_published_vector(reference):
    limit, index = reference["lloq"], binned(reference["time"], "unique").index
    found = fraction_rows(reference["obs"] < limit, reference["sim"] < limit, index, 4)
    for k, told in enumerate(reference["blq"].values()):
        assert np.allclose(
            [found[name][k] for name in ("OBSERVED", "MEDIAN", "LOW", "HIGH")], [told["obs_frac"], told["sim_median_frac"], *told["ci95"]]
        )


def test_quantiles_are_those_of_numpy_and_leave_out_what_is_missing():
    random = np.random.default_rng(1)
    values, p = random.standard_normal((7, 23)), np.array([0.05, 0.37, 0.5, 0.95])
    assert np.allclose(quantiles(values, p), np.quantile(values, p, axis=1))
    holes = np.where(random.random(values.shape) < 0.3, np.nan, values)
    assert np.allclose(quantiles(holes, p), np.nanquantile(holes, p, axis=1))
    assert np.all(np.isnan(quantiles(np.full((2, 3), np.nan), p)))


def test_psn_takes_the_nearest_order_statistic():
    """PsN: the order statistic round(p (n - 1)), halves up."""
    values = np.arange(8.0)
    assert quantiles(values, np.array([0.05, 0.5, 0.95]), "psn").tolist() == [0.0, 3.5, 7.0]


def test_values_below_every_number_move_percentiles_without_becoming_one():
    values = np.array([-np.inf, -np.inf, 1.0, 2.0, 3.0, 4.0])
    assert quantiles(values, np.array([0.1, 0.5])).tolist() == [-np.inf, 1.5]


@pytest.mark.parametrize("bins", ["auto", "unique", 4, ("jenks", 4), ("count", 4), ("width", 4), [0.0, 1.0, 10.0, 30.0]])
def test_every_value_has_one_bin(bins):
    random = np.random.default_rng(2)
    values = np.concatenate([time + random.uniform(-0.1, 0.1, 12) for time in (0.5, 1, 2, 4, 8, 12, 24)])
    found = binned(values, bins)
    assert found.n == len(found.middle) and set(found.index) == set(range(found.n))
    for k in range(found.n):
        own = values[found.index == k]
        assert found.middle[k] == np.median(own)
        assert np.all((own >= found.edges[k]) & (own <= found.edges[k + 1]))


def test_nominal_times_are_bins_of_their_own_and_clusters_are_found():
    random, times = np.random.default_rng(3), (0.5, 1, 2, 4, 8, 12, 24)
    assert binned(np.repeat(times, 10)).n == 7
    around = np.concatenate([time + random.uniform(-0.05, 0.05, 12) for time in times])
    assert np.allclose(binned(around).middle, times, atol=0.05)


def test_natural_breaks_have_the_least_sum_of_squares():
    """Against all partitions of twelve values into three parts."""
    values = np.sort(np.random.default_rng(4).uniform(0, 10, 12))

    def within(cuts):
        return sum(np.sum((part - part.mean()) ** 2) for part in np.split(values, cuts))

    best = min(((i, j) for i in range(1, 11) for j in range(i + 1, 12)), key=within)
    index = binned(values, 3).index
    assert np.flatnonzero(np.diff(index)).tolist() == [cut - 1 for cut in best]


@pytest.mark.parametrize(
    ("bins", "words"),
    [
        ("fine", "bins='fine' doesn't exist: it is \"auto\""),
        (0, "at least 1, not 0"),
        (("areas", 3), "bins by 'areas'"),
        ([1.0, 0.5], "two or more rising numbers"),
        ([0.0, 1.0], "don't fit between"),
    ],
)
def test_bins_that_are_none(bins, words):
    with pytest.raises(popmix.OptionError, match=words):
        binned(np.linspace(0, 24, 30), bins)


def test_a_correction_undoes_what_only_scales_the_prediction():
    """Observations that differ by their dose alone are alike after the correction."""
    dose, noise = np.repeat([100.0, 400.0], 50), np.exp(0.3 * np.random.default_rng(5).standard_normal(50))
    pred, observed = dose / 20, np.tile(noise, 2) * dose / 20
    index = np.zeros(100, dtype=np.int64)
    told = scaled(observed, prediction_factor(pred, index))
    assert np.allclose(told[:50], told[50:])
    referred = scaled(observed, reference_factor(pred, np.full(100, 10.0)))
    assert np.allclose(referred, 10.0 * np.tile(noise, 2))


def test_a_lower_bound_stays_where_it_is():
    factor = prediction_factor(np.array([5.0, 7.0, 2.0]), np.zeros(3, dtype=np.int64), 2.0)
    assert np.allclose(scaled(np.array([2.0, 2.0, 2.0]), np.nan_to_num(factor), 2.0), 2.0)
    assert np.isnan(factor[2]) and prediction_factor(np.zeros(2), np.zeros(2, dtype=np.int64)).tolist() == [1.0, 1.0]


def layout(x, **options):
    return Layout("TIME", x, np.full(len(x), "", dtype=object), np.arange(len(x)).astype(object), **options)


def no_limits(n):
    return Limits(np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", dtype=object))


def test_a_check_of_the_true_model_covers():
    """Of 200 data sets of the model 95 % of the percentiles lie within their interval, to five standard errors of correlated shares."""
    random, x = np.random.default_rng(6), np.repeat(np.arange(5.0), 30)
    simulated = random.standard_normal((1000, len(x))) + np.log1p(x)
    found = []
    for _ in range(200):
        observed = random.standard_normal(len(x)) + np.log1p(x)
        found.append(continuous_vpc("DV", observed, simulated, layout(x), Correction(None, np.zeros(len(x))), no_limits(len(x))).coverage)
    assert abs(np.mean(found) - 0.95) < 5 * np.std(found) / np.sqrt(200)


def test_a_wrong_model_does_not_cover():
    random, x = np.random.default_rng(7), np.repeat(np.arange(5.0), 30)
    simulated, observed = random.standard_normal((1000, len(x))), random.standard_normal(len(x)) + 0.6 * x
    assert continuous_vpc("DV", observed, simulated, layout(x), Correction(None, np.zeros(len(x))), no_limits(len(x))).coverage < 0.5


def test_values_below_a_limit_count_as_the_least():
    """With 30 % below, the 5th percentile is not known and the others are as if all were seen; the shares stand beside."""
    random, x = np.random.default_rng(8), np.zeros(200)
    whole, simulated, limit = random.standard_normal(200), random.standard_normal((500, 200)), -0.5
    below = whole < limit
    limits = Limits(np.full(200, limit), np.full(200, np.nan), np.where(below, "left", "").astype(object))
    found = continuous_vpc("DV", np.where(below, limit, whole), simulated, layout(x), Correction(None, x), limits)
    assert np.isnan(found.bins["OBSERVED"][0])
    assert np.allclose(found.bins["OBSERVED"][1:], np.quantile(whole, [0.5, 0.95]))
    assert found.below["OBSERVED"][0] == np.mean(below) and found.below["LOW"][0] < np.mean(below) < found.below["HIGH"][0]
    assert found.limit == limit and np.isnan(found.observations["DV"]).sum() == below.sum()
    told = continuous_vpc("DV", np.where(below, limit, whole), simulated, layout(x), Correction("prediction", x + 1), limits)
    assert "values beyond a limit are left out" in told.notes[0] and np.isfinite(told.bins["OBSERVED"][0])


def test_smooth_quantiles_find_those_of_a_curve():
    """Of y = sin(x) + (0.2 + 0.1 x) z the quantile is sin(x) + (0.2 + 0.1 x) Phi^-1(p); the mean over 40 sets of 400 has a small error."""
    random, grid = np.random.default_rng(9), np.linspace(0.5, 5.5, 11)
    x = np.sort(random.uniform(0, 6, 400))
    y = np.sin(x) + (0.2 + 0.1 * x) * random.standard_normal((40, 400))
    smoother = Smoother(x, grid)
    for p in (0.1, 0.5, 0.9):
        penalty = smoother.penalty(y[0], p)
        found = smoother.curves(y, p, penalty).mean(axis=0)
        assert np.all(np.abs(found - np.sin(grid) - (0.2 + 0.1 * grid) * scipy.stats.norm.ppf(p)) < 0.12)
        inside = np.mean(y < smoother.at_points(y, p, penalty), axis=1)
        assert np.all(np.abs(inside - p) < 0.03)


def test_shares_outside_are_those_of_the_intervals():
    """Of 100 data sets of the model 95 % of the shares lie within their interval, to five standard errors of correlated shares."""
    random = np.random.default_rng(10)
    simulated, inside = random.standard_normal((1000, 100)), []
    for _ in range(100):
        found = numerical_check("DV", random.standard_normal(100), simulated)
        inside.append(np.mean((found.table["OBSERVED"] >= found.table["LOW"]) & (found.table["OBSERVED"] <= found.table["HIGH"])))
    # shares are multiples of 1 %, so that an interval holds a little more than its level
    assert -5 * np.std(inside) / 10 < np.mean(inside) - 0.95 < 5 * np.std(inside) / 10 + 0.01
    assert np.allclose(found.coverage["EXPECTED"], found.coverage["INTERVAL"])
    with pytest.raises(popmix.OptionError, match="percentages from 0 to below 100"):
        numerical_check("DV", np.zeros(2), np.zeros((3, 2)), (120,))


def test_kaplan_meier_is_that_of_survfit():
    """R 4.2.2, survival 3.5-3: survfit(..., conf.type = "log-log"), survival and its limits. Data by a formula."""
    i = np.arange(1, 41)
    found = kaplan_meier((17.0 * i) % 43 + 1, i % 3 != 0)
    rows = np.searchsorted(found["TIME"], [1, 5, 10, 20, 30, 40], side="right") - 1
    printed = {
        "SURVIVAL": (1, 0.9236842105263, 0.8709022556391, 0.6946837082689, 0.4914794363849, 0.1497121975449),
        "LOW": (1, 0.7816917634006, 0.7170571753728, 0.5147916160286, 0.3101858596097, 0.04196318996208),
        "HIGH": (1, 0.9747374214572, 0.9441735141131, 0.8188357209898, 0.6498286395283, 0.3206817542019),
    }
    for name, expected in printed.items():
        assert found[name][rows] == pytest.approx(expected, rel=1e-11)


def test_kaplan_meier_is_that_of_the_textbook():
    """Freireich's 6-mercaptopurine patients (Blood 21:699, 1963; the example of Kaplan and Meier's method in every textbook)."""
    time = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float)
    event = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    found = kaplan_meier(time, event)
    at = {t: s for t, s in zip(found["TIME"], found["SURVIVAL"], strict=True)}
    for t, s in ((6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538), (23, 0.448), (35, 0.448)):
        assert abs(at[t] - s) < 5e-4  # three printed digits
    assert np.allclose(survival_at(found["TIME"], time, event), found["SURVIVAL"])
    # log(-log) interval at 10, by the formula: S = 0.7529, sum d/(n(n-d)) = 0.01633
    row = list(found["TIME"]).index(10.0)
    spread = np.sqrt(3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14)) / abs(np.log(at[10]))
    assert np.isclose(found["LOW"][row], at[10] ** np.exp(1.959964 * spread), rtol=1e-6)


def test_percentiles_beside_infinite_values_warn_of_nothing():
    """Values below a limit are -inf: between them and the first number the percentile is -inf, and numpy is not asked to add infinities."""
    with np.errstate(all="raise"):
        found = quantiles(np.array([-np.inf, -np.inf, 1.0, 2.0, np.inf]), np.array([0.1, 0.4, 0.5, 0.6, 0.8]))
    assert found.tolist() == [-np.inf, -np.inf, 1.0, 1.4, np.inf]
