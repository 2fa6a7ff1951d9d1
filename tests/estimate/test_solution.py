"""How exactly the equations of a fit were solved: said in the fit, warned of where it matters, kept in the run folder."""

import json
import math

import polars as pl
import pytest
from shared_models import Bolus, Decline, bolus_data, decline, every_method

import popmix
from popmix import *
from popmix.estimate.solution import MOST_CHANGE, Solution
from popmix.interop import run_folder


class Saturable(Model):
    """A bolus whose elimination saturates, with an error small enough for the tolerance to matter."""

    vmax = Theta(12.0, lower=0)
    tvV = Theta(9.0, lower=0)
    V = LogNormal(tvV, iiv=0.3)
    central = State()
    C = central / V
    central.dt = -vmax * C / (5.0 + C)
    DV = Observation(C, proportional=0.01)


DATA = bolus_data(8)
LOOSE = popmix.Solver("nonstiff", tolerance=1e-2)


@every_method
def test_closed_forms_and_algebra_are_exact(method):
    for model, data, route in ((Bolus, bolus_data(6), "closed form"), (Decline, decline(6), "algebraic")):
        found = popmix.fit(model, data, method)
        assert found.solution == Solution(route, popmix.Solver(), None)
        assert found.solution.sentence == "" and not found.solution.warnings
        assert "Equations:" not in str(found)


@every_method
def test_integrated_equations_are_solved_again(method):
    """`change` is the difference of two objectives, at the same estimates."""
    solver = popmix.Solver("nonstiff", tolerance=1e-5)
    found = popmix.fit(Bolus, bolus_data(6), method, solver=solver)
    assert found.solution.route == "differential equations" and found.solution.solver == solver
    finer = popmix.evaluate(Bolus, bolus_data(6), method, at=found.parameters, solver=popmix.Solver("nonstiff", tolerance=1e-7))
    assert math.isfinite(found.solution.change) and found.solution.change != 0.0
    # modes of two searches are exact to 1e-8 of their SD, and so are the objectives
    assert found.solution.change == pytest.approx(finer.ofv - found.ofv, rel=1e-3, abs=1e-7)
    assert "Equations: integrated to a relative 1e-05; the OFV changes by" in " ".join(str(found).split())


@every_method
def test_a_loose_tolerance_is_warned_of(method):
    found = popmix.evaluate(Saturable, DATA, method, solver=LOOSE)
    exact = popmix.evaluate(Saturable, DATA, method)
    assert abs(found.ofv - exact.ofv) > MOST_CHANGE  # so the case is what it is meant to be
    assert abs(found.solution.change) > MOST_CHANGE
    finer = popmix.evaluate(Saturable, DATA, method, solver=popmix.Solver("nonstiff", tolerance=1e-4))
    # the modes of so rough a solution are rough too
    assert found.solution.change == pytest.approx(finer.ofv - found.ofv, rel=1e-2)
    told = [message for message in found.messages if "solved more exactly" in message]
    assert told == found.solution.warnings and "repeat with solver=Solver(tolerance=1e-04)" in told[0]
    assert told[0].split(":")[0] in " ".join(str(found).split())
    assert not exact.solution.warnings and abs(exact.solution.change) < 1e-4
    assert not [message for message in exact.messages if "solved more exactly" in message]


@pytest.mark.parametrize("change", [math.nan, math.inf, 0.5, -0.5, 1.01 * MOST_CHANGE, -1.01 * MOST_CHANGE])
def test_what_is_not_known_to_be_small_is_warned_of(change):
    assert len(Solution("differential equations", popmix.Solver(), change).warnings) == 1


@pytest.mark.parametrize("change", [None, 0.0, 0.99 * MOST_CHANGE, -0.99 * MOST_CHANGE])
def test_what_is_small_is_not(change):
    assert Solution("differential equations", popmix.Solver(), change).warnings == []


def test_the_finest_tolerance_is_compared_with_itself():
    """There is nothing finer than 1e-13: the change says nothing, and is zero."""
    found = popmix.evaluate(Saturable, DATA, solver=popmix.Solver(tolerance=1e-13))
    assert abs(found.solution.change) < 1e-9
    assert "with 1e-13" in found.solution.sentence


def test_the_run_folder_holds_it(tmp_path):
    for name, solver in (("loose", LOOSE), ("exact", popmix.Solver())):
        found = popmix.evaluate(Saturable, DATA, solver=solver)
        run_folder.save(found, tmp_path / name)
        document = json.loads((tmp_path / name / "fit.json").read_text())
        expected = {"method": solver.method, "tolerance": solver.tolerance}
        assert document["solution"] == {"route": "differential equations", "solver": expected, "change": found.solution.change}
    closed = popmix.evaluate(Bolus, bolus_data(6))
    run_folder.save(closed, tmp_path / "closed")
    document = json.loads((tmp_path / "closed" / "fit.json").read_text())
    assert document["solution"] == {"route": "closed form", "solver": {"method": "auto", "tolerance": 1e-8}, "change": None}


def test_a_weight_counts_twice_in_the_change_too():
    assert isinstance(DATA, pl.DataFrame)
    weighted = popmix.evaluate(Saturable, DATA, solver=LOOSE, weights=[2.0] * 8)
    plain = popmix.evaluate(Saturable, DATA, solver=LOOSE)
    assert weighted.solution.change == pytest.approx(2 * plain.solution.change, rel=1e-9)
