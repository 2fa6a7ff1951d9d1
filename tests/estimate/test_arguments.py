"""What fit and evaluate refuse before anything is computed: values, weights and options, all at once and in words."""

import numpy as np
import pytest
from shared_models import Decline, decline

import popmix
from popmix.errors import ModelError, OptionError


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rat": 1.0}, "'rat'.*Did you mean 'rate'"),
        ({"rate": -1.0}, r"rate = -1 lies outside its bounds \[0, inf\]"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"rate": float("inf")}, "rate is inf"),
        ({"iiv_Rate": 0.0}, "iiv_Rate = 0: a standard deviation must be positive"),
        ({"additive_DV": -0.1}, "additive_DV = -0.1 lies outside"),
    ],
)
def test_impossible_values_are_refused(values, told):
    with pytest.raises(ModelError, match=told):
        popmix.fit(Decline, decline(), start=values)
    with pytest.raises(ModelError, match=told):
        popmix.evaluate(Decline, decline(), at=values)


def test_all_impossible_values_are_told_at_once():
    with pytest.raises(ModelError) as caught:
        popmix.fit(Decline, decline(), start={"rate": -1.0, "start": -2.0, "iiv_Rate": -3.0})
    assert all(name in str(caught.value) for name in ("rate = -1", "start = -2", "iiv_Rate = -3"))


@pytest.mark.parametrize("weights", [np.ones(9), [1.0], 2.0, -np.ones(10), np.full(10, np.nan), np.full(10, np.inf), np.ones((10, 1))])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(OptionError, match="weights"):
        popmix.fit(Decline, decline(), weights=weights)


def test_weights_of_zero_for_everybody_are_refused():
    with pytest.raises(OptionError, match="weights"):
        popmix.fit(Decline, decline(), weights=np.zeros(10))


MISTYPED = [{"tolerance": "a"}, {"tolerance": float("inf")}, {"iterations": 2.5}, {"iterations": "9"}]


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"tolerance": -1e-3}, {"tolerance": float("nan")}, {"iterations": 0}, *MISTYPED])
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError):
        popmix.FOCE(**options)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"threads": 0}, "threads"),
        ({"threads": -1}, "threads"),
        ({"threads": 1.5}, "threads"),
        ({"method": "focei"}, "FOCE"),
        ({"start": [1.0]}, "by name"),
    ],
)
def test_wrong_arguments_are_refused_in_words(options, word):
    with pytest.raises(OptionError, match=word):
        popmix.fit(Decline, decline(), **options)


def test_all_wrong_start_values_are_named_at_once():
    with pytest.raises(ModelError) as caught:
        popmix.fit(Decline, decline(), start={"tvKK": 1.0, "zzz": 2.0})
    assert "tvKK" in str(caught.value) and "zzz" in str(caught.value)
    with pytest.raises(ModelError, match="no number"):
        popmix.fit(Decline, decline(), start={popmix.fit(Decline, decline()).parameters.names[0]: "a"})
