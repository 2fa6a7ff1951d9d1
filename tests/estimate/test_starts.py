"""Start values far from the optimum, on a bound or at the edge of what an omega may be: the search ends at the optimum."""

import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix import *
from popmix.errors import FitError, Interrupted

# two searches that end within the promised 1e-6 of one minimum, ten times over
SAME = 1e-5


@pytest.fixture(scope="module")
def optimum() -> popmix.Fit:
    found = popmix.fit(Bolus, bolus_data())
    assert found.convergence.converged
    return found


def assert_there(found: popmix.Fit, optimum: popmix.Fit) -> None:
    assert found.convergence.converged, found.convergence.reason
    assert found.ofv == pytest.approx(optimum.ofv, rel=0, abs=SAME)


# a start this far off is a user's everyday
EVERYDAY = [
    {"tvCL": 12.0}, {"tvCL": 0.12}, {"tvV": 90.0}, {"tvV": 1.0}, {"proportional_DV": 1.5}, {"proportional_DV": 0.01},
    {"iiv_CL": 2.0}, {"iiv_CL": 0.05}, {"corr_CL_V": 0.98}, {"corr_CL_V": -0.95}, {"tvCL": 5.0, "tvV": 2.0, "iiv_V": 1.0},
]  # fmt: skip
# a hundred times off and more, on a bound, at the edge of what an omega may be
EXTREME = [
    {"tvCL": 1e-2}, {"tvCL": 1e-4}, {"tvCL": 1e-8}, {"tvCL": 0.0},
    {"corr_CL_V": 0.9999}, {"corr_CL_V": 0.999999}, {"corr_CL_V": -0.9999},
    {"iiv_CL": 1e-3}, {"iiv_CL": 1e-6}, {"iiv_V": 1e-4}, {"proportional_DV": 1e-3}, {"proportional_DV": 100.0},
    {"iiv_CL": 10.0}, {"tvV": 1000.0},
]  # fmt: skip


@pytest.mark.parametrize("start", [*EVERYDAY, *EXTREME], ids=str)
def test_start_values_far_off_end_at_the_optimum(start, optimum):
    assert_there(popmix.fit(Bolus, bolus_data(), start=start), optimum)


@pytest.mark.parametrize("start", [0.5, 20.0])
def test_a_start_on_another_bound_leaves_it(start, optimum):
    bounded = Bolus.with_(tvV=Theta(9.0, lower=0.5, upper=20.0))
    assert_there(popmix.fit(bounded, bolus_data(), start={"tvV": start}), optimum)


def test_modes_many_sds_away_are_found(optimum):
    """A clearance a thousand times too high leaves nothing after 5 h unless its random effects are 20 SDs away."""
    assert_there(popmix.fit(Bolus, bolus_data(), start={"tvCL": 1e3}), optimum)


def test_a_start_at_which_predictions_vanish_is_refused_in_words():
    """A clearance ten thousand times too high leaves nothing after 0.5 h: a proportional error has no density there."""
    with pytest.raises(FitError) as caught:
        popmix.fit(Bolus, bolus_data(), start={"tvCL": 1e4})
    told = str(caught.value)
    assert "12 of 12 subjects failed" in told and "the residual variance is zero" in told
    assert "row 3 (time 0.5): prediction 5.903e-241" in told and "tvCL = 1e+04" in told and "Add an additive error" in told


# the first search ends where the variability of V has vanished; the fit goes on from a larger one
RESTARTED = {"iiv_V": 1e-6}


class Watching:
    """Progress that counts the iterations before the first restart, and may do something then."""

    def __init__(self, at_restart=lambda: None) -> None:
        self.before, self.restarted, self.at_restart = 0, False, at_restart

    def update(self, phase: str, fraction: float | None, message: str) -> None:
        if "a better place" in message:
            self.restarted = True
            self.at_restart()
        elif phase == "fit" and not self.restarted:
            self.before = int(message.split(":")[0].removeprefix("iteration "))


def test_the_most_iterations_count_those_of_restarts(optimum):
    watching = Watching()
    whole = popmix.fit(Bolus, bolus_data(), start=RESTARTED, progress=watching)
    assert_there(whole, optimum)
    first, total = watching.before, whole.convergence.iterations
    assert watching.restarted and 0 < first < total - 1
    for most in (1, first, first + 1, total - 1, total, total + 10):
        found = popmix.fit(Bolus, bolus_data(), popmix.FOCE(iterations=most), start=RESTARTED)
        assert found.convergence.iterations == min(most, total)
        assert found.convergence.converged == (most >= total)


def test_an_interruption_at_the_beginning_of_a_restart_keeps_what_the_first_search_found(optimum, monkeypatch):
    """The first thing of a restart is the curvature at its start."""

    def interrupted(*_):
        raise KeyboardInterrupt

    watching = Watching(lambda: monkeypatch.setattr("popmix.estimate.objective.Objective.curvature", interrupted))
    with pytest.raises(Interrupted) as caught:
        popmix.fit(Bolus, bolus_data(), start=RESTARTED, progress=watching)
    kept = caught.value.kept
    assert watching.restarted and kept.convergence.iterations == watching.before > 0
    assert not kept.convergence.converged and "interrupted" in kept.convergence.reason
    assert kept.ofv > optimum.ofv + 1
    assert popmix.evaluate(Bolus, bolus_data(), at=kept.parameters).ofv == pytest.approx(kept.ofv, abs=1e-5)
