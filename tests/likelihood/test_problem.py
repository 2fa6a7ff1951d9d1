"""A problem: subjects shared among threads, and subjects that can't be evaluated beside others that can."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from shared_models import Bolus, Decline, bolus_data, decline, every_method

import popmix
from popmix import *
from popmix.errors import Status
from popmix.likelihood import Conditional, Quadrature, bind
from popmix.model.parameters import parameters_of


@pytest.fixture
def pools(monkeypatch) -> list[int]:
    """The numbers of workers of the pools that problems make from now on."""
    made = []

    class Recorder(ThreadPoolExecutor):
        def __init__(self, workers: int) -> None:
            made.append(workers)
            super().__init__(workers)

    monkeypatch.setattr("popmix.likelihood.threads.ThreadPoolExecutor", Recorder)
    return made


@pytest.mark.parametrize(("n_subjects", "threads", "expected"), [(24, 1, []), (24, 2, [2]), (24, 9, [3]), (12, 2, [])])
def test_the_threads_asked_for_are_used(n_subjects, threads, expected, pools):
    """As many as asked for, and no more than one for every eight subjects."""
    problem, parameters = bind(Decline, decline(n_subjects)), parameters_of(Decline)
    evaluation = problem.foce(parameters, threads=threads)
    assert pools == expected
    problem.information(evaluation, Conditional(), threads=threads)
    problem.predictions(parameters, threads=threads)
    assert pools == 3 * expected


@every_method
def test_a_fit_and_an_evaluation_hand_the_threads_on(method, pools):
    popmix.evaluate(Bolus, bolus_data(24), method, threads=1)
    assert not pools
    popmix.evaluate(Bolus, bolus_data(24), method, threads=2)
    assert pools and set(pools) == {2}
    pools.clear()
    found = popmix.fit(Bolus, bolus_data(24), method, threads=2)
    # every evaluation of the search, and for most of them the information, at the end predictions
    assert len(pools) > 2 * found.convergence.evaluations and set(pools) == {2}


class Line(Model):
    """Proportional error of a line through the origin, where it has no density."""

    slope = Theta(1.0)
    A = LogNormal(slope, iiv=0.3)
    DV = Observation(A * T, proportional=0.2)


@every_method
def test_a_subject_that_fails_has_a_status_and_the_others_are_evaluated(method):
    data = pl.DataFrame({"ID": [1, 1, 2, 2, 3], "TIME": [1.0, 2.0, 0.0, 2.0, 1.5], "DV": [1.0, 2.1, 0.1, 2.0, 1.4]})
    parameters = parameters_of(Line)
    found = bind(Line, data).foce(parameters, interaction=method.interaction, globally=True)
    assert found.marginal.status.tolist() == [Status.OK, Status.VARIANCE_NOT_POSITIVE, Status.OK] and found.failed.tolist() == [1]
    alone = bind(Line, data.filter(pl.col("ID") != 2)).foce(parameters, interaction=method.interaction, globally=True)
    assert np.array_equal(found.individual[[0, 2]], alone.individual)
    assert np.array_equal(found.marginal.eta[[0, 2]], alone.marginal.eta) and np.all(alone.marginal.eta != 0)


class Dosed(Model):
    """No random effects: the information is at hand where the density is."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    pk = OneCompartment(cl=tvCL, v=tvV)
    DV = Observation(pk.concentration, proportional=0.2)


@every_method
def test_a_subject_without_a_density_gives_no_information(method):
    """An observation before the dose is predicted as zero, whose proportional error has no density."""
    first = {"ID": 1, "TIME": [0.0, 1.0, 3.0], "AMT": [100.0, None, None], "DV": [None, 9.0, 8.0], "EVID": [1, 0, 0]}
    early = first | {"ID": 2, "TIME": [0.0, -1.0, 3.0]}
    data = pl.concat([pl.DataFrame(first), pl.DataFrame(early).sort("TIME")])
    problem, parameters = bind(Dosed, data), parameters_of(Dosed)
    evaluation = problem.foce(parameters, interaction=method.interaction)
    assert evaluation.marginal.status.tolist() == [Status.OK, Status.VARIANCE_NOT_POSITIVE]
    information = problem.information(evaluation, method.rule).fixed
    assert np.all(np.diag(information[0]) > 0) and np.all(information[1] == 0)


def test_searches_by_quadrature_score_with_the_expected_information():
    """Far from the minimum the exact curvature is indefinite, and steps by it are worthless; without an expectation it is all there is."""
    problem, parameters = bind(Bolus, bolus_data()), parameters_of(Bolus)
    for rule in (Quadrature(1), Quadrature(5)):
        evaluation = problem.evaluate(parameters, rule, globally=True)
        own, expected = problem.information(evaluation, rule), problem.information(evaluation, Conditional())
        for one, other in zip(own, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    far = popmix.fit(Bolus, bolus_data(), popmix.AGQ(order=5), start={"iiv_CL": 2.0, "iiv_V": 0.03, "proportional_DV": 0.6})
    near = popmix.fit(Bolus, bolus_data(), popmix.AGQ(order=5))
    assert far.ofv == pytest.approx(near.ofv, abs=1e-5)
    assert far.convergence.evaluations < 100
