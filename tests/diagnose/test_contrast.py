"""Fits side by side."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import popmix
from popmix import *
from popmix.diagnose.contrast import compare_fits
from popmix.model import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "theophylline.py"


@pytest.fixture(scope="module")
def fits():
    model, data = load(EXAMPLE), popmix.datasets.path("theophylline")
    other = model.with_(DV=Observation(model["pk"].concentration, additive=0.5))
    return popmix.fit(model, data), popmix.fit(other, data)


def test_the_numbers_are_those_of_the_fits(fits):
    found = compare_fits(*fits, names=("both", "additive"))
    assert found.criteria["OFV"].tolist() == [one.ofv for one in fits]
    delta = fits[1].ofv - fits[0].ofv
    assert np.isclose(found.criteria["P"][1], scipy.stats.chi2.sf(delta, 1))
    assert np.isnan(found.criteria["P"][0])
    row = found.parameters["PARAMETER"].tolist().index("proportional_DV")
    assert np.isnan(found.parameters["additive"][row]) and found.parameters["both"][row] == fits[0].parameters["proportional_DV"]


def test_subjects_add_up_to_the_difference(fits):
    found = compare_fits(*fits, names=("both", "additive"))
    drivers = found.drivers()
    assert np.isclose(drivers["CUMULATED"][-1], fits[1].ofv - fits[0].ofv)
    assert np.all(np.diff(np.abs(drivers["DELTA_OFV"])) <= 0)
    assert f"{drivers['ID'][0]} {drivers['DELTA_OFV'][0]:+.2f}" in repr(found)
    assert found.picture().data


def test_what_differs_between_the_models_is_shown(fits):
    found = compare_fits(*fits, names=("both", "additive"))
    lines = found.model_changes["additive"].splitlines()
    assert any(line.startswith("-") and "proportional" in line for line in lines)
    assert compare_fits(fits[0], fits[0]).model_changes["Theophylline_2"] == ""


def test_objectives_of_other_data_or_methods_are_not_compared(fits):
    model, data = load(EXAMPLE), popmix.datasets.path("theophylline")
    laplace = popmix.fit(model, data, popmix.Laplace())
    found = compare_fits(fits[0], laplace, names=("focei", "laplace"))
    assert np.isnan(found.criteria["DELTA_OFV"][1]) and "different methods (focei, laplace)" in found.notes[0]
    with pytest.raises(popmix.OptionError, match="can't be compared"):
        found.drivers()
    frame = popmix.read(data).to_table().to_pandas()
    fewer = popmix.evaluate(model, frame[frame["ID"] != "3"])
    assert "their data differ" in compare_fits(fits[0], fewer, names=("a", "b")).notes[0]


def test_wrong_names_are_refused(fits):
    with pytest.raises(popmix.OptionError, match="two fits or more"):
        compare_fits(fits[0])
    with pytest.raises(popmix.OptionError, match="2 fits need as many different names, not a, a"):
        compare_fits(*fits, names=("a", "a"))
