"""Start values far from the optimum, on a bound or at the edge of what an omega may be: the search ends at the optimum."""

import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix import *
from popmix.errors import FitError


@pytest.fixture(scope="module")
def optimum() -> popmix.Fit:
    found = popmix.fit(Bolus, bolus_data())
    assert found.convergence.converged
    return found


# a start this far off is a user's everyday; each ends at the optimum
EVERYDAY = [
    {"tvCL": 12.0}, {"tvCL": 0.12}, {"tvV": 90.0}, {"tvV": 1.0}, {"proportional_DV": 1.5}, {"proportional_DV": 0.01},
    {"iiv_CL": 2.0}, {"iiv_CL": 0.05}, {"corr_CL_V": 0.98}, {"corr_CL_V": -0.95}, {"tvCL": 5.0, "tvV": 2.0, "iiv_V": 1.0},
]  # fmt: skip


@pytest.mark.parametrize("start", EVERYDAY, ids=str)
def test_start_values_ten_times_off_end_at_the_optimum(start, optimum):
    found = popmix.fit(Bolus, bolus_data(), start=start)
    assert found.convergence.converged, found.convergence.reason
    assert found.ofv == pytest.approx(optimum.ofv, abs=1e-4)


# a hundred times off and more, on a bound, at the edge of what an omega may be
EXTREME = [
    {"tvCL": 1e-2}, {"tvCL": 1e-4}, {"tvCL": 1e-8}, {"tvCL": 0.0},
    {"corr_CL_V": 0.9999}, {"corr_CL_V": 0.999999}, {"corr_CL_V": -0.9999},
    {"iiv_CL": 1e-3}, {"iiv_CL": 1e-6}, {"iiv_V": 1e-4}, {"proportional_DV": 1e-3}, {"proportional_DV": 100.0},
    {"iiv_CL": 10.0}, {"tvV": 1000.0}, {"tvCL": 1e3},
]  # fmt: skip


@pytest.mark.parametrize("start", EXTREME, ids=str)
def test_extreme_start_values_end_at_the_optimum_or_in_words(start, optimum):
    """Never a traceback from inside, never "converged" away from a place where the gradient vanishes."""
    try:
        found = popmix.fit(Bolus, bolus_data(), start=start)
    except FitError as error:
        assert "subject" in str(error)
        return
    if not found.convergence.converged:
        assert "NOT CONVERGED" in str(found)
        return
    assert found.ofv == pytest.approx(optimum.ofv, abs=1e-4)


def test_a_start_on_a_bound_leaves_it(optimum):
    found = popmix.fit(Bolus, bolus_data(), start={"tvCL": 0.0})
    assert found.ofv == pytest.approx(optimum.ofv, abs=1e-4)


@pytest.mark.parametrize("start", [0.5, 20.0])
def test_a_start_on_another_bound_leaves_it(start, optimum):
    bounded = Bolus.with_(tvV=Theta(9.0, lower=0.5, upper=20.0))
    found = popmix.fit(bounded, bolus_data(), start={"tvV": start})
    assert found.convergence.converged and found.ofv == pytest.approx(optimum.ofv, abs=1e-4)
