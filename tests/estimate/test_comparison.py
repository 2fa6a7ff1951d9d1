"""Pooled, two-stage and one-stage estimates side by side."""

import numpy as np
import polars as pl
import pytest

import popmix
from popmix import *
from popmix.errors import SupportError


class Lines(Model):
    """Balanced lines: all three ways have textbook answers."""

    a, b = Theta(2.0), Theta(0.5)
    A = Normal(a, iiv=1.0)
    B = Normal(b, iiv=0.3)
    DV = Observation(A + B * T, additive=0.5)


def lines(n_subjects: int = 12, short: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    rows = []
    for subject in range(n_subjects):
        a, b = 2 + rng.normal(), 0.5 + 0.3 * rng.normal()
        for time in np.arange(2.0 if subject < short else 8.0):
            rows.append({"ID": f"s{subject}", "TIME": time, "DV": a + b * time + 0.5 * rng.normal()})
    return pl.DataFrame(rows)


def row(found: popmix.Table, name: str) -> dict:
    return next(one for one in found.rows() if one["name"] == name)


def test_of_balanced_lines_all_typical_values_are_the_mean_line():
    """Least squares of everything together, the mean of the individual lines, and maximum likelihood are one and the same."""
    data = lines()
    found = popmix.compare(Lines, data)
    slope, intercept = np.polyfit(data["TIME"].to_numpy(), data["DV"].to_numpy(), 1)
    for name, expected in (("A", intercept), ("B", slope)):
        for way in ("pooled", "two_stage", "one_stage"):
            # a decrement of 1e-6 leaves 1e-3 of a standard error
            assert row(found.table, name)[way] == pytest.approx(expected, abs=1e-3)
    assert row(found.table, "additive_DV")["pooled"] > 1.5 * row(found.table, "additive_DV")["one_stage"]
    assert row(found.table, "iiv_A")["two_stage"] > row(found.table, "iiv_A")["one_stage"]
    assert row(found.table, "iiv_A")["shrinkage"] == found.one_stage.shrinkage["A"]
    assert "All 12 subjects can be fitted alone" in repr(found)


def test_subjects_that_failed_alone_are_named():
    found = popmix.compare(Lines, lines(short=2))
    assert found.failed["ID"].tolist() == ["s0", "s1"] and "2 of 12 subjects can't be fitted alone: s0 (" in repr(found)


def test_pooling_is_a_fit_without_random_effects():
    data = lines()
    found = popmix.pooled(Lines, data)
    residual = data["DV"].to_numpy() - np.polyval(np.polyfit(data["TIME"].to_numpy(), data["DV"].to_numpy(), 1), data["TIME"].to_numpy())
    assert found.parameters["additive_DV"] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-3)
    assert found.parameters.of_kind("iiv") == ()


def test_models_that_have_no_two_stages_are_compared_all_the_same():
    class Sites(Model):
        SITE = Level()
        a, b = Theta(2.0), Theta(0.5)
        site = Eta(0.5, level=SITE)
        A = Normal(a + site, iiv=1.0)
        DV = Observation(A + b * T, additive=0.5)

    data = lines().with_columns(SITE=pl.col("ID").str.slice(1).cast(pl.Int64) // 3)
    found = popmix.compare(Sites, data)
    assert found.two_stage is None and "a subject alone can't have site" in found.refused
    assert np.isfinite(row(found.table, "A")["one_stage"])


def test_a_mixture_can_not_be_pooled():
    class Mixed(Model):
        share = Theta(0.4, lower=0, upper=1)
        group = Mixture(share, 1 - share)
        a, b = Theta(1.5), Theta(2.5)
        A = Normal(where(group == 1, a, b), iiv=0.3)
        DV = Observation(A, additive=0.7)

    with pytest.raises(SupportError, match="group, a Mixture, has no meaning without subjects"):
        popmix.pooled(Mixed, lines())
