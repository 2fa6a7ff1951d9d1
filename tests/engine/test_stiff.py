"""The implicit method: its step against the Pade approximant, stiff problems with known or published solutions, and the change to it."""

from math import factorial

import numpy as np
import pytest
from integrating import NO_EFFECTS, Stepper, integrate, problem_of, solution, with_solver

from popmix.engine.nonstiff import BECAME_STIFF
from popmix.engine.stiff import OK

TIMES = np.array([0.01, 0.3, 1.0, 3.0, 7.0, 12.0])


def pade(z: float) -> float:
    """Return the Pade approximant of exp(z) with numerator degree 4 and denominator degree 5."""

    def coefficient(k: int, own: int, other: int) -> float:
        return factorial(9 - k) * factorial(own) / (factorial(9) * factorial(k) * factorial(own - k))

    top = sum(coefficient(k, 4, 5) * z**k for k in range(5))
    return top / sum(coefficient(k, 5, 4) * (-z) ** k for k in range(6))


@pytest.fixture(scope="module")
def decay() -> Stepper:
    own = Stepper(with_solver(problem_of("x = State(init=1.0)\nx.dt = -x + where(x > 1e9, 1, 0)", ["x"], [1.0]), "stiff", 1e-2))
    own.values(NO_EFFECTS)
    return own


@pytest.mark.parametrize("h", [0.01, 0.3, 0.9])
def test_one_step_is_the_pade_approximant(decay, h):
    """Which is that of Radau IIA with five stages; Newton's method is exact for linear equations."""
    flow, stages = decay.work.flow, decay.work.stages
    flow.step[0], flow.is_fresh[0], stages.length[0] = h, 1, 0.0
    assert integrate(decay.code.stiff, decay, [1.0], 0.0, h) == OK
    assert flow.x[0] == pytest.approx(pade(-h), rel=1e-14)
    assert stages.length[0] == h  # one step it was


@pytest.mark.parametrize("stiffness", [1e2, 1e5, 1e9])
def test_prothero_and_robinson(stiffness):
    """y' = -L (y - cos t) - sin t, from y = cos 0: the solution is cos t whatever L (Math Comput 28:145, 1974).

    Between easy (L h of order 1) and very stiff (errors fall as 1 / L) the order falls to that of the stages. The error is then that of
    the embedded formula, which is held to 0.1 tolerance^0.6 in a step.
    """
    problem = problem_of(f"y = State(init=1.0)\ny.dt = -{stiffness} * (y - cos(T)) - sin(T)", ["y"], TIMES)
    for tolerance in (1e-4, 1e-7, 1e-10):
        for method in ("stiff", "auto"):
            found = solution(with_solver(problem, method, tolerance))[:, 0]
            assert np.max(np.abs(found - np.cos(TIMES))) < 10 * 0.1 * tolerance**0.6, (tolerance, method)
            if stiffness == 1e9:
                assert np.max(np.abs(found - np.cos(TIMES))) < 1e-9


ROBERTSON = """
x = State(init=1.0)
y = State()
z = State()
x.dt = -0.04 * x + 1e4 * y * z
y.dt = 0.04 * x - 1e4 * y * z - 3e7 * y**2
z.dt = 3e7 * y**2
"""


def test_robertson():
    """At 1e11 the values of the test set of Mazzia and Magherini (problem ROBER, Test Set for IVP Solvers, release 2.4).

    The steps grow from 1e-4 to 1e10 in one interval.
    """
    published = np.array([0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050])
    problem = problem_of(ROBERTSON, ["x", "y", "z"], [1e11])
    for method in ("stiff", "auto"):
        for tolerance in (1e-5, 1e-8):
            # relative even of the smallest
            found = solution(with_solver(problem, method, tolerance))[0]
            assert found == pytest.approx(published, rel=20 * tolerance, abs=0), (method, tolerance)


HIRES = """
a = State(init=1.0)
b = State()
c = State()
d = State()
e = State()
f = State()
g = State()
h = State(init=0.0057)
a.dt = -1.71 * a + 0.43 * b + 8.32 * c + 0.0007
b.dt = 1.71 * a - 8.75 * b
c.dt = -10.03 * c + 0.43 * d + 0.035 * e
d.dt = 8.32 * b + 1.71 * c - 1.12 * d
e.dt = -1.745 * e + 0.43 * f + 0.43 * g
f.dt = -280 * f * h + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g
g.dt = 280 * f * h - 1.81 * g
h.dt = -280 * f * h + 1.81 * g
"""


def test_hires():
    """At 321.8122, from the same test set (problem HIRES); Hairer and Wanner II, IV.10."""
    published = [
        0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
        0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
    ]  # fmt: skip
    problem = problem_of(HIRES, list("abcdefgh"), [321.8122])
    for method, tolerance in (("stiff", 1e-6), ("stiff", 1e-10), ("auto", 1e-8)):
        found = solution(with_solver(problem, method, tolerance))[0]
        assert found == pytest.approx(published, rel=100 * tolerance, abs=0), method


def test_a_stiff_subject_is_found_out():
    """Relaxation by 1e6: known to be stiff after a few steps; by 1: it never is. The stiff method knows from the start."""
    lines = "y = State(init=3.0)\ny.dt = -RATE * (y - 2 - cos(T)) + y**2 / 1e3"
    stiff, easy = (problem_of(lines.replace("RATE", rate), ["y"], TIMES) for rate in ("1e6", "1.0"))
    for problem, method, expected in ((stiff, "auto", 1), (easy, "auto", 0), (easy, "stiff", 1), (stiff, "stiff", 1)):
        own = Stepper(with_solver(problem, method, 1e-6))
        own.values(NO_EFFECTS)
        assert own.work.flow.is_stiff[0] == expected
    own = Stepper(with_solver(stiff, "auto", 1e-6))
    own.values(NO_EFFECTS)
    flow = own.work.flow
    flow.n_stiff[0], flow.is_fresh[0] = 0, 0
    assert integrate(own.code.nonstiff, own, [3.0], 0.0, 12.0) == BECAME_STIFF
    # stability allows steps of about 6 / 1e6: some thirty of them, not thousands, until that is clear
    assert 15 * 3e-6 < flow.turned_at[0] < 100 * 6e-6
    assert flow.x[0] == pytest.approx(3.0, abs=1e-3)


def test_the_explicit_method_alone_never_turns_stiff():
    problem = problem_of("y = State(init=3.0)\ny.dt = -1e4 * (y - 2 - cos(T))+ y**2 / 1e3", ["y"], [0.5])
    own = Stepper(with_solver(problem, "nonstiff", 1e-6))
    other = Stepper(with_solver(problem, "stiff", 1e-6))
    assert own.values(NO_EFFECTS) == pytest.approx(other.values(NO_EFFECTS), rel=1e-5)
    assert own.work.flow.is_stiff[0] == 0


@pytest.mark.parametrize("method", ["stiff", "auto"])
def test_sensitivities_of_a_stiff_problem(method):
    """Those of the numerical solution, against differences of values at a tolerance of rounding."""
    lines = """
    A = LogNormal(0.04, iiv=0.1)
    B = LogNormal(1e4, iiv=0.1)
    C = LogNormal(3e7, iiv=0.1)
    x = State(init=1.0)
    y = State()
    z = State()
    x.dt = -A * x + B * y * z
    y.dt = A * x - B * y * z - C * y**2
    z.dt = C * y**2
    """
    problem = with_solver(problem_of(lines, ["x", "1e5 * y", "z"], [0.4, 40.0, 4e4]), method, 1e-11)
    own, eta = Stepper(problem), np.array([0.1, -0.2, 0.15])
    f, first, second = own.jets(eta)
    by_first, by_second = own.differences(eta)
    assert f == pytest.approx(own.values(eta), rel=1e-9)
    # values are exact to some 1e-11: over a step of 3e-3, and over its square; the error of the formula is of order 1e-10
    assert np.allclose(first, by_first, rtol=0, atol=1e-7 * np.max(np.abs(by_first)))
    assert np.allclose(second, by_second, rtol=0, atol=1e-5 * np.max(np.abs(by_second)))
