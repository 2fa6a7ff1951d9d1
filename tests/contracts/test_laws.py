"""Laws that every method of the FOCE family keeps on every model.

A law is a function of (method, world); the tables METHODS and WORLDS say on what it is tried.
"""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from differences import slopes
from shared_models import METHODS as CONDITIONAL
from worlds import WORLDS

import popmix
from popmix.estimate.objective import Objective
from popmix.estimate.scale import Scale
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of

METHODS = {**CONDITIONAL, "fo": popmix.FO(), "impmap": popmix.IMPMAP(draws=100)}
PAIRS = [(method, world) for method in METHODS for world in WORLDS]
# the random effect of `noisy` acts on the residual SD alone, which FO and FOCE without interaction freeze: its SD has no influence there
FITTED = [pair for pair in PAIRS if pair not in (("foce", "noisy"), ("fo", "noisy"))]

# draws belong to the place of a subject in the data
DRAWN = ("impmap",)

everywhere = pytest.mark.parametrize(("method", "world"), PAIRS)
fitted = pytest.mark.parametrize(("method", "world"), FITTED)
in_any_place = pytest.mark.parametrize(("method", "world"), [pair for pair in PAIRS if pair[0] not in DRAWN])


@pytest.fixture(scope="module")
def fits():
    """Fits by (method, world), made when first asked for."""
    made = {}

    def get(method: str, world: str) -> popmix.Fit:
        if (method, world) not in made:
            made[method, world] = popmix.fit(WORLDS[world].model, WORLDS[world].data, METHODS[method])
        return made[method, world]

    return get


def evaluated(method: str, world: str, data: pl.DataFrame | None = None, **options) -> popmix.Fit:
    return popmix.evaluate(WORLDS[world].model, WORLDS[world].data if data is None else data, METHODS[method], **options)


def same_subjects(one: popmix.Fit, other: popmix.Fit, order=slice(None)) -> None:
    """Require bitwise the same objective, etas and parameters of every subject."""
    assert one.individuals_table.keys() == other.individuals_table.keys()
    for name in one.individuals_table:
        if name != "ID":
            assert np.array_equal(one.individuals_table[name][order], other.individuals_table[name]), name


@pytest.mark.parametrize("world", WORLDS)
def test_the_first_order_objective_is_the_formula_written_out(world):
    """OFV_i = log det C + r' C^-1 r, C = G omega G' + R(0), from the predictions at eta = 0 alone; G by differences of f in eta."""
    problem, parameters = bind(WORLDS[world].model, WORLDS[world].data), parameters_of(WORLDS[world].model)
    found, typical, omega = problem.evaluate(parameters, popmix.FO().rule), problem.predictions(parameters), parameters.omega()
    etas = np.zeros((problem.n_subjects, len(omega)))
    f_eta = slopes(lambda shift: problem.predictions(parameters, etas + shift).f, np.zeros(len(omega)), 1e-3 * np.sqrt(np.diag(omega)))
    residual = problem.timeline.y - typical.f
    for subject in range(problem.n_subjects):
        own = slice(*problem.timeline.first_observation[subject : subject + 2])
        covariance = f_eta[own] @ omega @ f_eta[own].T + np.diag(typical.variance[own])
        expected = residual[own] @ np.linalg.solve(covariance, residual[own]) + problem.constants[subject]
        expected += np.linalg.slogdet(covariance)[1] if len(covariance) else 0.0
        assert found.individual[subject] == pytest.approx(expected, rel=1e-8, abs=1e-8)  # the error of the differences


@pytest.mark.parametrize(("method", "world"), [pair for pair in PAIRS if pair[0] in CONDITIONAL])
def test_the_objective_is_the_formula_written_out(method, world):
    """OFV_i = 2 l + log det omega + log det H, from the predictions alone; H by differences of f and R in eta."""
    model, data = WORLDS[world].model, WORLDS[world].data
    problem, parameters = bind(model, data), parameters_of(model)
    interaction = METHODS[method].interaction
    found = problem.foce(parameters, interaction=interaction, globally=True)
    etas, omega = found.marginal.eta, parameters.omega()
    at_mode, typical = problem.predictions(parameters, etas), problem.predictions(parameters)
    variance = at_mode.variance if interaction else typical.variance

    def predicted(shift: np.ndarray) -> np.ndarray:
        shifted = problem.predictions(parameters, etas + shift)
        return np.array([shifted.f, shifted.variance])

    f_eta, r_eta = slopes(predicted, np.zeros(len(omega)), 1e-3 * np.sqrt(np.diag(omega)))
    residual = problem.timeline.y - at_mode.f
    for subject in range(problem.n_subjects):
        own = slice(*problem.timeline.first_observation[subject : subject + 2])
        h = np.linalg.inv(omega) + (f_eta[own].T / variance[own]) @ f_eta[own]
        if interaction:
            h += 0.5 * (r_eta[own].T / variance[own] ** 2) @ r_eta[own]
        twice_l = np.sum(np.log(variance[own]) + residual[own] ** 2 / variance[own])
        twice_l += etas[subject] @ np.linalg.solve(omega, etas[subject])
        expected = twice_l + np.linalg.slogdet(omega)[1] + np.linalg.slogdet(h)[1] + problem.constants[subject]
        assert found.individual[subject] == pytest.approx(expected, rel=1e-8, abs=1e-8)  # the error of the differences


@everywhere
def test_the_gradient_is_that_of_differences(method, world):
    """At the start values, far from the optimum; 1e-5 of the largest component, as in the promise of the package."""
    model = WORLDS[world].model
    problem, start = bind(model, WORLDS[world].data), parameters_of(model)
    scale = Scale.of(start)
    objective = Objective(problem, scale, METHODS[method].rule, 1)
    x = scale.pack(start)
    point = objective.at(x, globally=True)
    assert point is not None
    numerical = slopes(lambda moved: objective.at(moved, point).value, x, 1e-3)
    assert point.gradient == pytest.approx(numerical, rel=1e-5, abs=1e-5 * np.max(np.abs(numerical)))


@fitted
def test_a_fit_ends_where_the_gradient_vanishes(method, world, fits):
    """g_k^2 / h_kk is at most the Newton decrement, which the fit promises to be below its tolerance of 1e-6.

    Ten times that are allowed, for a quasi-Newton matrix is not the Hessian.
    """
    found = fits(method, world)
    assert found.convergence.converged
    scale = Scale.of(found.parameters)
    objective = Objective(bind(found.model, found.data), scale, found.method.rule, 1)
    x = scale.pack(found.parameters)
    point = objective.at(x, globally=True)
    gradient = slopes(lambda moved: objective.at(moved, point).value, x, 1e-3)
    for k in range(len(x)):
        sides = [objective.at(x + sign * 0.02 * np.eye(len(x))[k], point).value for sign in (-1, 1)]
        curvature = (sum(sides) - 2 * point.value) / 0.02**2
        assert curvature > 0, scale.names[k]
        assert gradient[k] ** 2 / curvature < 1e-5, scale.names[k]


@fitted
def test_evaluation_at_the_estimates_gives_the_objective_again(method, world, fits):
    found = fits(method, world)
    again = evaluated(method, world, at=found.parameters)
    assert again.ofv == pytest.approx(found.ofv, rel=0, abs=1e-7)
    for name in found.parameters.eta_names:
        # modes are exact to 1e-8 of their standard deviations, which are below 6
        assert again.individuals_table[f"eta_{name}"] == pytest.approx(found.individuals_table[f"eta_{name}"], abs=1e-7)


@fitted
def test_other_start_values_lead_to_the_same_optimum(method, world, fits):
    found = fits(method, world)
    rng = np.random.default_rng(5)
    scale = Scale.of(parameters_of(found.model))
    x = scale.pack(scale.template)
    start = found.start.with_values(scale.unpack(x + 0.25 * rng.choice([-1, 1], len(x))))
    other = popmix.fit(found.model, WORLDS[world].data, METHODS[method], start=start)
    # two points within the decrement 1e-6 of one minimum differ by as much in OFV, by its root (in SEs) in the estimates
    assert other.ofv == pytest.approx(found.ofv, abs=1e-5)
    assert other.parameters.values == pytest.approx(found.parameters.values, rel=3e-3)


@in_any_place
def test_the_objective_is_the_sum_over_subjects(method, world):
    found = evaluated(method, world)
    assert found.ofv == pytest.approx(np.sum(found.individuals_table["OFV"]), rel=1e-12)
    alone = WORLDS[world].data.filter(pl.col("ID") == 3)
    single = evaluated(method, world, alone)
    assert single.ofv == found.individuals_table["OFV"][list(found.individuals_table["ID"]).index("3")]


@in_any_place
def test_the_order_of_subjects_changes_nothing(method, world):
    data, found = WORLDS[world].data, evaluated(method, world)
    order = np.random.default_rng(1).permutation(found.n_subjects)
    parts = data.partition_by("ID", maintain_order=True)
    permuted = evaluated(method, world, pl.concat([parts[index] for index in order]))
    same_subjects(found, permuted, order)
    assert permuted.ofv == pytest.approx(found.ofv, rel=1e-13)


@everywhere
def test_the_names_of_subjects_change_nothing(method, world):
    data, found = WORLDS[world].data, evaluated(method, world)
    renamed = evaluated(method, world, data.with_columns(ID=pl.lit("patient ") + (997 - pl.col("ID")).cast(pl.String)))
    same_subjects(found, renamed)
    assert renamed.ofv == found.ofv
    assert renamed.individuals_table["ID"][0] == "patient 996"


def copied(data: pl.DataFrame, times: int) -> pl.DataFrame:
    return pl.concat([data.with_columns(ID=pl.col("ID") + 1000 * copy) for copy in range(times)])


@in_any_place
def test_weight_two_is_the_subject_twice_and_weight_zero_is_no_subject(method, world):
    data = WORLDS[world].data
    ids = data["ID"].unique(maintain_order=True).to_numpy()
    weights = np.where(ids % 3 == 0, 2.0, np.where(ids % 3 == 1, 0.0, 1.0))
    weighted = evaluated(method, world, weights=weights)
    kept = data.filter(pl.col("ID") % 3 != 1)
    twice = kept.filter(pl.col("ID") % 3 == 0).with_columns(ID=pl.col("ID") + 1000)
    by_hand = evaluated(method, world, pl.concat([kept, twice]))
    assert weighted.ofv == pytest.approx(by_hand.ofv, rel=1e-12)
    assert weighted.minus2ll == pytest.approx(by_hand.minus2ll, rel=1e-12)


@pytest.mark.parametrize(("method", "world"), [("focei", "bolus"), ("foce", "infusion"), ("focei", "growth")])
def test_weights_in_a_fit(method, world):
    data = WORLDS[world].data
    ids = data["ID"].unique(maintain_order=True).to_numpy()
    weights = np.where(ids == 2, 0.0, np.where(ids == 5, 2.0, 1.0))
    weighted = popmix.fit(WORLDS[world].model, data, METHODS[method], weights=weights)
    fifth = data.filter(pl.col("ID") == 5).with_columns(ID=pl.lit(105, dtype=data["ID"].dtype))
    by_hand = popmix.fit(WORLDS[world].model, pl.concat([data.filter(pl.col("ID") != 2), fifth]), METHODS[method])
    assert weighted.ofv == pytest.approx(by_hand.ofv, abs=1e-7)
    # the same iterates but for the rounding of sums in another order
    assert weighted.parameters.values == pytest.approx(by_hand.parameters.values, rel=1e-6)


@everywhere
def test_threads_change_nothing(method, world):
    data = copied(WORLDS[world].data, 3)  # 36 subjects and more: enough for four threads of at least eight
    one, *others = (evaluated(method, world, data, threads=threads) for threads in (1, 2, 4))
    for other in others:
        same_subjects(one, other)
        assert other.ofv == one.ofv


@pytest.mark.parametrize(("method", "world"), [("focei", "bolus"), ("foce", "infusion")])
def test_threads_change_nothing_in_a_fit(method, world):
    data = copied(WORLDS[world].data, 2)
    one, two = (popmix.fit(WORLDS[world].model, data, METHODS[method], threads=threads) for threads in (1, 2))
    assert np.array_equal(one.parameters.values, two.parameters.values)
    assert one.ofv == two.ofv
    same_subjects(one, two)


@fitted
def test_a_second_run_gives_the_same_numbers(method, world, fits):
    found, again = fits(method, world), popmix.fit(WORLDS[world].model, WORLDS[world].data, METHODS[method])
    assert np.array_equal(found.parameters.values, again.parameters.values) and found.ofv == again.ofv


@everywhere
def test_the_data_scale_gives_the_jacobian(method, world):
    """DV in a unit k times smaller: minus two log k per observation, once the model's scale parameters move along."""
    scaled = {
        "bolus": {"tvCL": 1 / 7, "tvV": 1 / 7},
        "oral": {"tvCL": 1 / 7, "tvV": 1 / 7, "additive_DV": 7},
        "infusion": {"tvCL": 1 / 7, "tvV1": 1 / 7, "tvQ": 1 / 7, "tvV2": 1 / 7, "additive_DV": 7},
        "growth": {"tvTop": 7, "iiv_Top": 7},
        "noisy": {"tvStart": 7, "scale": 7**0.5},
        "paired": {"tvLeft": 7, "tvGrown": 7, "additive_grown": 7},
    }[world]
    data, start = WORLDS[world].data, parameters_of(WORLDS[world].model)
    moved = {name: start[name] * factor for name, factor in scaled.items()}
    found, other = evaluated(method, world), evaluated(method, world, data.with_columns(DV=pl.col("DV") * 7), at=moved)
    assert other.ofv == pytest.approx(found.ofv + 2 * found.n_observations * np.log(7), rel=1e-9)


@everywhere
def test_the_unit_of_time_is_free(method, world):
    """Hours to minutes: rates divided by 60, the lag times 60, doses' rates divided by 60; the objective stays."""
    rates = {
        "bolus": ("tvCL",),
        "oral": ("tvCL", "tvKa"),
        "infusion": ("tvCL", "tvQ"),
        "growth": ("rate",),
        "noisy": ("tvRate",),
        "paired": ("tvRate",),
    }[world]
    data, start = WORLDS[world].data, parameters_of(WORLDS[world].model)
    moved = {name: start[name] / 60 for name in rates} | ({"lag": start["lag"] * 60} if world == "oral" else {})
    minutes = data.with_columns(TIME=pl.col("TIME") * 60)
    minutes = minutes.with_columns(II=pl.col("II") * 60) if "II" in data.columns else minutes
    minutes = minutes.with_columns(RATE=pl.col("RATE") / 60) if "RATE" in data.columns else minutes
    found, other = evaluated(method, world), evaluated(method, world, minutes, at=moved)
    assert other.ofv == pytest.approx(found.ofv, rel=1e-9)
    for name in start.eta_names:
        # the same searches but for roundings; modes are exact to about 1e-8 standard deviations
        assert other.individuals_table[f"eta_{name}"] == pytest.approx(found.individuals_table[f"eta_{name}"], abs=1e-7)


def test_fitted_estimates_follow_the_units():
    """Minutes for hours and milligrams for grams: CL by 1000 / 60, V by 1000; everything else stays."""
    world = WORLDS["bolus"]
    start = parameters_of(world.model)
    found = popmix.fit(world.model, world.data)
    other_units = world.data.with_columns(TIME=pl.col("TIME") * 60, AMT=pl.col("AMT") * 1000)
    factors = {"tvCL": 1000 / 60, "tvV": 1000.0}
    moved = {name: start[name] * factor for name, factor in factors.items()}
    other = popmix.fit(world.model, other_units, start=moved)
    expected = {name: value * factors.get(name, 1.0) for name, value in found.parameters.as_dict().items()}
    assert other.parameters.as_dict() == pytest.approx(expected, rel=1e-6)
    assert other.ofv == pytest.approx(found.ofv, abs=1e-7)


def test_the_tolerance_bounds_what_is_left(fits):
    """A fit with a much smaller tolerance gains no more than the first one promised, ten times over."""
    for method, world in FITTED:
        found = fits(method, world)
        better = popmix.fit(found.model, WORLDS[world].data, replace(METHODS[method], tolerance=1e-10), start=found.parameters)
        assert -1e-7 < found.ofv - better.ofv < 1e-5  # 1e-7: the OFV where its modes were found from another side
