"""Profiles of the likelihood."""

import numpy as np
import pytest
from lines import Line, line
from shared_models import Bolus, bolus_data
from worlds import frame

import popmix
from popmix import *
from popmix.errors import OptionError


def test_of_a_quadratic_likelihood_the_profile_is_the_wald_interval():
    """dOFV at the ends is 3.84 to 0.01, so that the ends are exact to 0.01 / (2 * 3.84) of the half width."""
    found = popmix.fit(Line, line(), popmix.FOCE())
    wald, profiled = popmix.covariance(found, "r"), popmix.profile(found)
    for name in ("a", "b"):
        low, high = profiled.interval(name)
        assert [low, high] == pytest.approx(wald.interval(name), abs=2e-3 * wald.se[name] * 1.96)
    rises = profiled.points["dofv"]
    assert np.max(rises) == pytest.approx(3.8415, abs=0.01) and np.min(rises) == 0.0


def test_the_other_parameters_are_fitted_again():
    found = popmix.fit(Bolus, bolus_data(), popmix.FOCE())
    low, high = popmix.profile(found, "iiv_CL", level=0.9).interval("iiv_CL")
    assert low < found.parameters["iiv_CL"] < high
    fixed = popmix.fit(Bolus.fix(iiv_CL=high), bolus_data(), popmix.FOCE(), start=found.parameters.as_dict() | {"iiv_CL": high})
    assert fixed.ofv - found.ofv == pytest.approx(2.7055, abs=0.02)


def test_where_the_data_set_no_limit_the_end_is_open():
    """DV = a + b * T with T always 0: nothing is known of b."""
    data = frame([{"ID": k + 1, "TIME": 0.0, "DV": 1.0 + 0.1 * k} for k in range(5)])
    found = popmix.fit(Line, data, popmix.FOCE())
    profiled = popmix.profile(found, "b")
    assert profiled.interval("b") == (-np.inf, np.inf)
    assert "no limit" in profiled.intervals["note"][0]


def test_names_that_can_not_be_profiled():
    found = popmix.fit(Line, line(), popmix.FOCE())
    with pytest.raises(OptionError, match="additive_DV was not estimated"):
        popmix.profile(found, "additive_DV")
    with pytest.raises(OptionError, match="a was not profiled: there are b"):
        popmix.profile(found, "b").interval("a")
