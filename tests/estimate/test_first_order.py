"""The first-order method: its modes and what it refuses; its objective and gradient are among the laws of tests/contracts."""

import numpy as np
import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix import *
from popmix.errors import SupportError


def test_random_effects_are_the_modes_that_foce_finds():
    """The joint density at given parameters does not know the method."""
    first, conditional = (popmix.evaluate(Bolus, bolus_data(), method) for method in (popmix.FO(), popmix.FOCE(interaction=False)))
    for name in ("eta_CL", "eta_V"):
        # modes are exact to 1e-8 of their SD
        assert first.individuals_table[name] == pytest.approx(conditional.individuals_table[name], abs=1e-8)
    assert not np.isclose(first.ofv, conditional.ofv)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("Observation(Poisson(B))", "no Gaussian outcome"),
        ("Observation(B, additive=1.0, lloq=0.5)", "values of DV beyond a limit"),
        ("Observation(B, additive=1.0, autocorrelation=0.3)", "autocorrelation"),
    ],
)
def test_what_can_not_be_linearised_is_refused_by_name(outcome, told):
    class Outcome(Model):
        tvB = Theta(1.0, lower=0)
        B = LogNormal(tvB, iiv=0.3)
        DV = eval(outcome)

    data = {"ID": np.repeat([1, 2, 3], 3), "TIME": np.tile([0.0, 1.0, 2.0], 3), "DV": np.tile([0.0, 1.0, 2.0], 3)}
    with pytest.raises(SupportError, match=rf"fo can't honour (.*)?{told}.*: use .*Laplace\(\)"):
        popmix.evaluate(Outcome, popmix.Table(data).to_polars(), popmix.FO())
