"""Derived quantities by the delta method."""

import numpy as np
import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix.errors import OptionError


@pytest.fixture(scope="module")
def known():
    return popmix.covariance(popmix.fit(Bolus, bolus_data(), popmix.FOCE()))


def test_a_half_life_and_its_error(known):
    """log t = log log 2 + log V - log CL: the relative variance is that of the two logarithms."""
    found = popmix.derived(known, {"half_life": "log(2) * tvV / tvCL"})
    cl, v = known.parameters["tvCL"], known.parameters["tvV"]
    k = [known.names.index(name) for name in ("tvCL", "tvV")]
    scaled = known.matrix[np.ix_(k, k)] / np.outer([cl, v], [cl, v])
    relative = np.sqrt(scaled[0, 0] + scaled[1, 1] - 2 * scaled[0, 1])
    assert found["value"][0] == pytest.approx(np.log(2) * v / cl, rel=1e-12)
    assert found["rse"][0] == pytest.approx(100 * relative, rel=1e-10)
    assert np.log(found["upper"][0] / found["value"][0]) == pytest.approx(1.959964 * relative, rel=1e-6)


def test_what_may_be_negative_has_a_symmetric_interval(known):
    found = popmix.derived(known, {"change": "tvCL - 100"})
    assert found["se"][0] == pytest.approx(known.se["tvCL"], rel=1e-12)
    assert found["upper"][0] + found["lower"][0] == pytest.approx(2 * found["value"][0], rel=1e-12)


def test_all_mistakes_at_once(known):
    with pytest.raises(OptionError) as told:
        popmix.derived(known, {"a": "tvCl", "b": "log(2", "c": "median(tvV)"})
    assert "did you mean tvCL" in str(told.value) and "b = log(2 can't be read" in str(told.value)
    assert "no function median" in str(told.value)
