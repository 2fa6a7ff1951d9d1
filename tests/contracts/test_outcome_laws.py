"""Laws of every kind of outcome and random effect, on the worlds of the table of recovery."""

import continuous
import effects
import numpy as np
import outcomes
import polars as pl
import pytest
from differences import slopes

import popmix
from popmix.errors import SupportError
from popmix.estimate.marginal import Marginal
from popmix.estimate.objective import natural_scores
from popmix.likelihood import Problem, Quadrature, bind
from popmix.model.parameters import parameters_of

WORLDS = {world.title: world for world in (*continuous.WORLDS, *outcomes.WORLDS, *effects.WORLDS)}
METHODS = {"focei": popmix.FOCE(), "laplace": popmix.Laplace(), "agq": popmix.AGQ(order=3)}
PAIRS = [(method, title) for title, world in WORLDS.items() for method in world.methods]
# differences of second derivatives of integrated equations carry the noise of the integration
_INTEGRATED = ("TimeToEvent, integrated",)
_FEW = {"Levels above the subject": 40}
every_pair = pytest.mark.parametrize(("method", "title"), PAIRS)
every_world = pytest.mark.parametrize("title", WORLDS)


def problem_of(title: str, **options) -> Problem:
    """Return a world's model bound to few subjects."""
    return bind(WORLDS[title].model, WORLDS[title].data(5, _FEW.get(title, 12)), **options)


def method_of(method: str, problem: Problem) -> Marginal:
    """Return a method, with less nodes for many random effects."""
    return METHODS[method]


@every_pair
def test_the_gradient_is_that_of_differences(method, title):
    """From the modes that were found; errors of the differences are fourth powers of the steps and rounding of the OFV over them."""
    problem, rule = problem_of(title), METHODS[method].rule
    start = parameters_of(problem.model)
    found = problem.evaluate(start, rule, globally=True)
    assert not len(found.failed)
    modes = [marginal.eta for marginal in found.groups]
    gradient = problem.weights @ natural_scores(problem, found)
    steps = 1e-4 * np.maximum(np.abs(start.values), 0.1)
    by_differences = slopes(lambda values: problem.evaluate(start.unchecked(values), rule, modes=modes).ofv, start.values, steps)
    free, close = ~start.fixed, 2e-5 if title in _INTEGRATED else 2e-6
    np.testing.assert_allclose(gradient[free], by_differences[free], rtol=close, atol=close * np.max(np.abs(gradient)))


@every_world
def test_a_weight_of_two_counts_a_subject_twice(title):
    """With its whole group, where subjects share effects."""
    world = WORLDS[title]
    problem, rule = problem_of(title), METHODS[world.methods[0]].rule
    start = parameters_of(problem.model)
    once = problem.evaluate(start, rule)
    own = problem.groupings.above[0].group == 0 if problem.groupings.above else np.arange(problem.n_subjects) == 0
    twice = problem_of(title, weights=1.0 + own).evaluate(start, rule)
    assert twice.ofv == pytest.approx(once.ofv + once.individual[own].sum(), rel=1e-12)


@every_world
def test_numbers_do_not_depend_on_threads(title):
    problem, rule = problem_of(title), METHODS[WORLDS[title].methods[0]].rule
    one, two = (problem.evaluate(parameters_of(problem.model), rule, globally=True, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.marginal.ofv, two.marginal.ofv) and np.array_equal(one.marginal.by_fixed, two.marginal.by_fixed)


@pytest.mark.parametrize("title", [title for title, world in WORLDS.items() if "agq" in world.methods])
def test_quadrature_of_order_one_is_laplace_and_of_high_orders_settles(title):
    """One or two effects: the rules of orders 13 and 21 agree a hundred times better than Laplace with them, most 1e4 times and more."""
    problem = problem_of(title)
    start = parameters_of(problem.model)
    values = {order: problem.evaluate(start, Quadrature(order), globally=True).ofv for order in (1, 13, 21)}
    laplace = problem.evaluate(start, popmix.Laplace().rule, globally=True).ofv
    assert values[1] == laplace
    assert abs(values[13] - values[21]) <= 1e-2 * abs(values[1] - values[21]) + 1e-7


@pytest.mark.parametrize("title", [title for title, world in WORLDS.items() if "focei" not in world.methods])
def test_foce_refuses_what_has_no_residual_variance_by_name(title):
    world = WORLDS[title]
    with pytest.raises(SupportError, match=r"focei can't honour .*: use Laplace\(\) or AGQ\(\)"):
        popmix.evaluate(world.model, world.data(1, 4), popmix.FOCE())


@every_world
def test_tables_have_means_and_effects(title):
    """PRED is finite for every outcome that has a mean; the random effects of every level have their columns."""
    world = WORLDS[title]
    found = popmix.evaluate(world.model, world.data(5, _FEW.get(title, 12)), METHODS[world.methods[0]])
    if title != "LogLikelihood":
        assert np.all(np.isfinite(found.predictions_table["PRED"])) and np.all(np.isfinite(found.predictions_table["IPRED"]))
    columns = [name for name in found.individuals_table if name.startswith(("eta_", "kappa_"))]
    assert len(columns) >= len(found.parameters.eta_names)
    assert set(found.shrinkage) == set(found.parameters.eta_names)


@pytest.mark.slow
@pytest.mark.parametrize("title", WORLDS)
def test_what_was_simulated_is_recovered(title):
    """Means of six fits within 5 standard errors (with 5 degrees of freedom, one in 250 would miss by chance), or 10 per cent.

    The 10 per cent are the bias of Laplace's approximation and of FOCE where a subject's data say little.
    """
    world, found = WORLDS[title], []
    for seed in range(6):
        fit = popmix.fit(world.model, world.data(100 + seed), METHODS[world.methods[0]])
        assert fit.convergence.converged, fit.convergence.reason
        found.append([fit.parameters[name] for name in world.truth])
    true = np.array(list(world.truth.values()))
    off, error = np.abs(np.mean(found, axis=0) - true), np.std(found, axis=0, ddof=1) / np.sqrt(6)
    wrong = (off > 5 * error) & (off > 0.1 * np.abs(true))
    if title == "IIV on the residual error":  # eight observations of a subject say little about its own residual SD
        wrong[list(world.truth).index("iiv_noise")] = False
    assert not wrong.any(), dict(zip(np.array(list(world.truth))[wrong], np.mean(found, axis=0)[wrong], strict=True))


def test_predictions_far_below_a_limit_leave_the_gradient_finite():
    """Where a value below the limit is all but certain, its curvature vanishes, and its root has a slope all the same."""
    world = WORLDS["below a limit, M3"]
    problem = bind(world.model, world.data(5, 6).with_columns(CENS=pl.lit(1), DV=pl.lit(1e4)))
    found = problem.evaluate(parameters_of(world.model), popmix.FOCE().rule)
    assert not len(found.failed) and np.all(np.isfinite(found.marginal.by_fixed))
