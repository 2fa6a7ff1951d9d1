"""Data that can't carry a model: every method says so in words."""

import polars as pl
import pytest

import popmix
from popmix import *
from popmix.app.theophylline import Theophylline
from popmix.errors import SupportError

DATA = pl.read_csv(popmix.datasets.path("theophylline"))
METHODS = {
    "fo": popmix.FO(),
    "focei": popmix.FOCE(),
    "laplace": popmix.Laplace(),
    "agq": popmix.AGQ(order=3),
    "saem": popmix.SAEM(chains=5, exploration=200, smoothing=50),
    "impmap": popmix.IMPMAP(draws=100),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


class Crowded(Model):
    """Six correlated effects: 25 parameters."""

    tvKa, tvCL, tvV, base = Theta(1.5, lower=0), Theta(0.04, lower=0), Theta(0.5, lower=0), Theta(0.1)
    Ka, CL, V = LogNormal(tvKa, iiv=0.3), LogNormal(tvCL, iiv=0.3), LogNormal(tvV, iiv=0.3)
    B = Normal(base, iiv=0.3)
    noise, more = Eta(sd=0.2), Eta(sd=0.2)
    together = Block(Ka, CL, V, B, noise, more)
    pk = OneCompartment(cl=CL * exp(more), v=V, ka=Ka)
    DV = Observation(pk.concentration + B, sd=0.3 * exp(noise))


class Fixed1(Model):
    """No random effects."""

    tvKa, tvCL, tvV = Theta(1.5, lower=0), Theta(0.04, lower=0), Theta(0.5, lower=0)
    pk = OneCompartment(cl=tvCL, v=tvV, ka=tvKa)
    DV = Observation(pk.concentration, additive=0.3, proportional=0.1)


@every_method
def test_one_subject_shows_no_variability(method):
    found = popmix.fit(Theophylline, DATA.filter(pl.col("ID") == 1), method)
    for name in ("iiv_Ka", "iiv_CL", "iiv_V"):
        assert any(f"{name} went to zero" in message and "leave out its iiv=" in message for message in found.messages), name


def test_one_subject_has_no_posterior():
    with pytest.raises(SupportError, match=r"with 1 subject and a flat prior of iiv_Ka.* an SD between subjects needs 3 of them"):
        popmix.fit(Theophylline, DATA.filter(pl.col("ID") == 1), popmix.NUTS())


@pytest.mark.parametrize("method", [METHODS[name] for name in ("fo", "focei", "laplace", "saem")], ids=["fo", "focei", "laplace", "saem"])
def test_more_than_the_data_can_carry(method):
    few = DATA.group_by("ID", maintain_order=True).head(3)
    found = popmix.fit(Crowded, few, method)
    assert any("25 parameters estimated from 24 observations" in message for message in found.messages)


def test_more_than_the_data_can_carry_for_chains():
    few = DATA.group_by("ID", maintain_order=True).head(3)
    text = repr(popmix.fit(Crowded, few, popmix.NUTS(chains=2, draws=20, tune=50)))
    told = " ".join(text.split())
    assert "NOT TO BE TRUSTED" in told
    assert "25 parameters estimated from 24 observations: the data can't determine them all" in told and "or give priors." in told


@every_method
def test_no_random_effects(method):
    if method.name == "saem":
        with pytest.raises(SupportError, match=r"saem can't honour Fixed1 without random effects: use FOCE\(\) or Laplace\(\)"):
            popmix.fit(Fixed1, DATA, method)
        return
    found = popmix.fit(Fixed1, DATA, method)
    assert found.convergence.converged and found.ofv == pytest.approx(popmix.fit(Fixed1, DATA).ofv, abs=1e-5)
