"""The data sets that come with popmix."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from popmix.data import Expectation
from popmix.data.datasets import NAMES, load, path
from popmix.data.reading import read
from popmix.errors import OptionError

SCRIPT = Path(__file__).parents[2] / "scripts" / "simulate_warfarin.py"


@pytest.mark.parametrize(
    ("name", "subjects", "observations", "doses"),
    [
        *[("theophylline", 12, 132, 12), ("phenobarbital", 59, 155, 589), ("warfarin", 32, 596, 32), ("orange", 5, 35, 0)],
        *[("jars", 20, 120, 0), ("autoantibody", 40, 182, 0), ("feeding", 40, 240, 0)],
    ],
)
def test_sizes(name, subjects, observations, doses):
    table = load(name)
    assert (table.n_subjects, table.n_observations, table.n_doses) == (subjects, observations, doses)
    assert not table.findings.errors and not table.findings.warnings


def test_published_numbers():
    theophylline = load("theophylline")
    assert theophylline.dv[theophylline.scored].sum() == pytest.approx(654.78)
    assert theophylline.amt[theophylline.dosing].sum() == pytest.approx(55.5, abs=0.1)
    assert np.nanmean(load("phenobarbital").dv) == pytest.approx(25.57613, abs=1e-5)
    # mean and largest circumference as R prints them
    assert load("orange").dv.mean() == pytest.approx(115.857, abs=1e-3) and load("orange").dv.max() == 214


def test_the_script_makes_the_simulated_files(tmp_path, monkeypatch):
    script = SCRIPT.with_name("simulate_examples.py")
    if not script.exists():
        pytest.skip("the scripts are not part of this installation")
    spec = importlib.util.spec_from_file_location("simulate_examples", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path)
    module.main()
    for name in ("jars", "autoantibody", "feeding"):
        made, kept = read(tmp_path / f"{name}.csv"), load(name)
        assert np.allclose(made.dv, kept.dv, atol=0.1) and np.array_equal(made.subject, kept.subject)


def test_unknown_names_are_refused():
    with pytest.raises(OptionError, match="theophylline"):
        path("aspirin")
    assert {path(name).name for name in NAMES} == {f"{name}.csv" for name in NAMES}


def test_warfarin_suits_a_model_of_two_endpoints():
    expectation = Expectation(covariates={"WT": None}, endpoints={"cp": None, "effect": "pca"}, compartments=("depot", "central", "pca"))
    assert not read(path("warfarin"), expectation=expectation).findings.warnings


def test_the_script_makes_the_warfarin_file(tmp_path, monkeypatch):
    if not SCRIPT.exists():
        pytest.skip("the scripts are not part of this installation")
    spec = importlib.util.spec_from_file_location("simulate_warfarin", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path / "warfarin.csv")
    module.main()
    made, kept = read(tmp_path / "warfarin.csv"), load("warfarin")
    assert np.allclose(made.dv, kept.dv, atol=0.1, equal_nan=True) and np.array_equal(made.amt, kept.amt, equal_nan=True)
