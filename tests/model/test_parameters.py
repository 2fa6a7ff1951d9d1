"""Values of parameters given by name: what is no number, or of no parameter, is refused, all at once."""

import numpy as np
import pytest
from shared_models import Bolus

from popmix.errors import ModelError
from popmix.model.parameters import parameters_of

START = parameters_of(Bolus)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2)])
def test_numbers_of_every_kind_are_values(value):
    changed = START.with_values({"tvCL": value})
    assert changed["tvCL"] == 2.0 and changed["tvV"] == START["tvV"] and START["tvCL"] == 1.2


@pytest.mark.parametrize("value", [np.array([2.0]), np.array(2.0), np.array([1.0, 2.0]), [2.0], "2", None, True, 2j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ModelError, match=r"tvCL = .* is no number"):
        START.with_values({"tvCL": value})


def test_names_that_are_none_are_refused_with_the_others():
    with pytest.raises(ModelError) as caught:
        START.with_values({3: 1, "tvCl": 2.0, "tvV": "a"})
    told = str(caught.value)
    assert "no parameter 3." in told and "no parameter 'tvCl'. Did you mean 'tvCL'?" in told and "tvV = 'a' is no number" in told
    assert "Parameters: tvCL, tvV, proportional_DV, iiv_CL, iiv_V, corr_CL_V." in told
