"""What one subject, dose or steady state leaves behind must not reach the next."""

import numpy as np
import polars as pl
import pytest

from popmix.likelihood import Problem, Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

COLUMNS = ("TIME", "AMT", "RATE", "II", "SS", "CMT", "EVID", "DV")


def bound(body: str, subjects: list[list[dict]], **options) -> Problem:
    rows = [dict.fromkeys(COLUMNS) | {"ID": k, "TIME": 0.0, "EVID": 1} | row for k, one in enumerate(subjects) for row in one]
    model = read(f"from popmix import *\nclass Any(Model):\n    one = Theta(1.0)\n{body}")
    return bind(model, pl.DataFrame(rows, infer_schema_length=None), **options)


def seen(*times: float, **columns: float) -> list[dict]:
    return [{"TIME": time, "EVID": 0, "DV": 1.0} | columns for time in times]


def predicted(problem: Problem, threads: int = 1) -> np.ndarray:
    found = problem.predictions(parameters_of(problem.model), slopes=False, threads=threads)
    assert not np.any(found.status)
    return found.f


SATURABLE = """    x = State()
    x.dt = -one * 10 * x / (2 + x)
    DV = Observation(x, additive=1)
"""
CONSTANT = [{"AMT": 0.0, "RATE": 6.0, "SS": 1, "CMT": 1}, *seen(0.0)]


@pytest.mark.parametrize("before", [1e3, 1e12, 1e20])
def test_a_constant_infusion_does_not_know_the_subject_before(before):
    """Its state is KM R / (VM - R) = 3."""
    found = predicted(bound(SATURABLE, [[{"AMT": before, "CMT": 1}, *seen(1.0)], CONSTANT]))
    assert found[-1] == pytest.approx(3.0, rel=1e-9)
    assert found[-1] == predicted(bound(SATURABLE, [CONSTANT]))[0]


def test_doses_that_arrive_stay_out_of_the_steady_state_of_others():
    """In a linear system the predictions of both are the sum of those of each."""
    body = """    x = State()
    z = State()
    into = Dose(x, profile=transit_profile(2.0, 3.0))
    x.dt = -one * 0.3 * x
    z.dt = 0.3 * x - 0.2 * z
    DV = Observation(z, additive=1)
"""
    slow, steady = {"AMT": 100.0, "CMT": 1}, {"TIME": 2.0, "AMT": 50.0, "CMT": 2, "SS": 2, "II": 6.0}
    times = seen(2.5, 5.0, 9.0)
    both, first, second = (predicted(bound(body, [[*doses, *times]])) for doses in ([slow, steady], [slow], [steady]))
    assert both == pytest.approx(first + second, rel=1e-7)


def test_a_profile_takes_the_covariates_of_its_dose():
    """Two doses of different densities: each arrives as it would alone."""
    body = """    X = Covariate()
    x = State()
    into = Dose(x, profile=transit_profile(one * X, 3.0))
    x.dt = -0.1 * x
    DV = Observation(x, additive=1)
"""
    early, late = {"AMT": 100.0, "CMT": 1, "X": 1.0}, {"TIME": 4.0, "AMT": 60.0, "CMT": 1, "X": 3.0}
    times = [{**row, "X": 2.0} for row in seen(5.0, 6.5, 9.0)]
    both, first, second = (predicted(bound(body, [[*doses, *times]])) for doses in ([early, late], [early], [late]))
    assert both == pytest.approx(first + second, rel=1e-7)


def test_the_time_after_a_dose_in_equations():
    """x' = TAD: nothing before the first dose, then (t - t_dose)^2 / 2 from each dose on; 0 again after a reset."""
    body = """    x = State()
    z = State()
    x.dt = one * TAD
    z.dt = -z
    DV = Observation(x, additive=1)
"""
    doses = [{"TIME": 2.0, "AMT": 1.0, "CMT": 2}, {"TIME": 5.0, "AMT": 1.0, "CMT": 2}, {"TIME": 9.0, "EVID": 3}]
    rows = sorted([*doses, *seen(0.0, 1.0, 4.0, 7.0, 11.0)], key=lambda row: row["TIME"])
    assert predicted(bound(body, [rows])) == pytest.approx([0.0, 0.0, 2.0, 4.5 + 2.0, 0.0], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-8, 1e-10, 1e-12])
def test_steady_states_of_equations_that_jump(tolerance):
    """A jump within the interval makes the map of an interval as rough as its tolerance."""
    body = """    x = State()
    y = State()
    x.dt = -one * 3 * x / (5 + x) * where(TAD > 2.3, 1.7, 1)
    y.dt = 0.3 * x - 0.2 * y
    DV = Observation(y, additive=1)
"""
    amounts = np.linspace(5.0, 20.0, 8)
    subjects = [[{"AMT": amount, "CMT": 1, "SS": 1, "II": 8.0}, *seen(0.0)] for amount in amounts]
    many = [[{"TIME": 8.0 * k, "AMT": amount, "CMT": 1} for k in range(200)] + seen(1600.0) for amount in amounts]
    expected = predicted(bound(body, many, solver=Solver(tolerance=1e-9)))
    assert predicted(bound(body, subjects, solver=Solver(tolerance=tolerance))) == pytest.approx(expected, rel=max(100 * tolerance, 1e-6))


@pytest.mark.parametrize("size", [1.0, 1e6, 1e12])
def test_a_large_state_spoils_no_small_one(size):
    """Cells beside a concentration: the error of the small state is that of its own scale."""
    body = f"""    small = State(init=0.01)
    large = State(init={size})
    small.dt = -one * 0.7 * small / (0.02 + small)
    large.dt = -0.1 * large * (1 + large / {10 * size})
    DV = Observation(small, additive=1)
"""
    alone = body.replace(f"    large = State(init={size})\n", "").replace(body.split("\n")[3] + "\n", "")
    exact = predicted(bound(alone, [seen(0.0, 0.005, 0.01, 0.02)], solver=Solver(tolerance=1e-12)))
    assert predicted(bound(body, [seen(0.0, 0.005, 0.01, 0.02)])) == pytest.approx(exact, rel=1e-6)
