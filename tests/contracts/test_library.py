"""The whole library through the engine: closed form = integration, one solver = another, a word = its equations by hand, exact gradients.

Errors of predictions are relative to the largest one. An error e of all predictions moves an objective by up to 2 r / R * e, which is 20 e
for each of seven observations with a residual SD of a tenth, and its gradient by about as much of itself; slopes of predictions have errors
ten times those of the predictions, as the least steep ones are the differences of large ones.
"""

from itertools import chain

import numpy as np
import pytest
from differences import slopes
from library_cases import Case
from library_table import CASES, MAMMILLARY, PAIRS, RECYCLING, TARGETS

from popmix.estimate.objective import Objective
from popmix.estimate.scale import Scale
from popmix.likelihood import Conditional, Problem
from popmix.model.blueprint import BLUEPRINTS
from popmix.model.parameters import parameters_of

LINEAR = [case for case in MAMMILLARY if "vmax" not in case.values]
CURVES = [curve for _, curve in PAIRS]
# of integrated structures the first form of each kind is always tried, the others with the slow tests
SEVERAL = [case for case in CASES if case not in LINEAR and any(case.kind == one.kind for one in CASES[: CASES.index(case)])]
TARGETS_SEVERAL = [case for case in SEVERAL if case in TARGETS]
INTEGRATED = [case for case in CASES if case not in CURVES]
# doubles through equal formulas, written differently
ROUNDINGS = 1e-12
OF_SLOPES, OF_OBJECTIVES = 10, 200
EXEMPT = {"rate", "profile"}
"""Arguments of routes that exclude a duration; `rate` has its tests with the other dosing events."""


def over(cases, slow=()):
    marks = [pytest.mark.slow if case in slow else () for case in cases]
    return pytest.mark.parametrize("case", [pytest.param(case, marks=own) for case, own in zip(cases, marks, strict=True)], ids=str)


def answers(problem: Problem, modes: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return the objectives, their gradients, and predictions with their slopes at the modes."""
    parameters = parameters_of(problem.model)
    found = problem.foce(parameters, modes=modes)
    assert not len(found.failed), found.marginal.status
    at = problem.predictions(parameters, found.marginal.eta)
    by_omega = found.marginal.by_omega.reshape(problem.n_subjects, -1)
    values = problem.predictions(parameters, found.marginal.eta, slopes=False).f
    gradient = np.hstack([found.marginal.by_fixed, by_omega])
    return {
        "f": at.f,
        "values": values,
        "slopes": at.slopes,
        "objective": found.individual,
        "gradient": gradient,
        "eta": found.marginal.eta,
    }


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], error: float, *, values: float = 1) -> None:
    """Require agreement to an error of predictions; `values` times that without slopes, where steps are longer."""
    factors = {"f": 1, "values": values, "slopes": OF_SLOPES, "gradient": OF_OBJECTIVES}
    for name, factor in factors.items():
        largest = np.max(np.abs(expected[name]))
        assert found[name] == pytest.approx(expected[name], rel=0, abs=factor * error * largest), name
    assert found["objective"] == pytest.approx(expected["objective"], rel=0, abs=OF_OBJECTIVES * error)


def test_every_structure_and_parametrisation_is_here():
    assert {case.kind for case in CASES} == set(BLUEPRINTS)
    for kind, blueprint in BLUEPRINTS.items():
        uses = [case.arguments for case in CASES if case.kind == kind]
        for choices in blueprint.alternatives:
            concerned = set(chain(*choices))
            missing = [choice for choice in choices if not any(use & concerned == set(choice) for use in uses)]
            assert not missing, f"{kind}: {missing}"
        assert set(blueprint.signature.parameters) - set().union(*uses) <= EXEMPT, kind


@over(CASES, slow=TARGETS_SEVERAL)
def test_a_word_is_its_equations_by_hand(case: Case):
    """The same steps but for roundings, which may decide for another step: then to the solver's error."""
    word, by_hand = case.problem(tolerance=1e-10), case.problem(tolerance=1e-10, by_hand=True)
    assert word.compiled.shape == by_hand.compiled.shape
    expected = answers(word)
    same(answers(by_hand, expected["eta"]), expected, ROUNDINGS if case in (*LINEAR, *CURVES) else 1e-9)


@over(LINEAR)
def test_linear_compartments_are_recognised_and_equal_their_integration(case: Case):
    """At a tolerance of 1e-10 for each step; linear equations at the order of these methods have errors below that."""
    closed = case.problem()
    assert closed.compiled.shape is not None
    expected = answers(closed)
    for method in ("nonstiff", "stiff"):
        integrated = case.problem(method, 1e-10)
        assert integrated.compiled.shape is None
        same(answers(integrated, expected["eta"]), expected, 1e-10)


@pytest.mark.parametrize(("state", "curve"), PAIRS, ids=lambda case: case.kind)
def test_a_curve_is_its_equation(state: Case, curve: Case):
    """On the data of the state, by all methods, to a few times the tolerance: what grows takes its errors along."""
    expected = answers(curve.problem(data=state.data))
    for method in ("auto", "nonstiff", "stiff"):
        same(answers(state.problem(method, 1e-10), expected["eta"]), expected, 1e-9)


@over(INTEGRATED)
def test_one_solver_is_another(case: Case):
    """At the default tolerance, and at 1e-10 by either method."""
    jumps = case in RECYCLING[:2]
    expected = answers(case.problem("nonstiff", 1e-10))
    # emptying begins and ends between steps, which lowers the order there
    same(answers(case.problem(), expected["eta"]), expected, 1e-7 if jumps else 1e-8, values=10)
    same(answers(case.problem("stiff", 1e-10), expected["eta"]), expected, 1e-7, values=10)


@over(CASES, slow=SEVERAL)
def test_the_gradient_is_that_of_differences(case: Case):
    """To 1e-5 of the largest component, the error of differences of a step of 1e-3."""
    problem, start = case.problem("auto", 1e-11), parameters_of(case.word)
    scale = Scale.of(start)
    objective = Objective(problem, scale, Conditional(), 1)
    x = scale.pack(start)
    point = objective.at(x, globally=True)
    numerical = slopes(lambda moved: objective.at(moved, point).value, x, 1e-3)
    assert point.gradient == pytest.approx(numerical, rel=1e-5, abs=1e-5 * np.max(np.abs(numerical)))
