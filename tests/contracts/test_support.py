"""The table of support, cell by cell: a method honours a feature, or refuses it with a sentence that names an alternative."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import popmix
from popmix import *
from popmix.app.support import support_table, support_text
from popmix.cli.methods import METHODS, make_method
from popmix.errors import SupportError
from popmix.estimate.support import FEATURES
from popmix.likelihood import bind

DOCS = Path(__file__).parents[2] / "docs" / "support.md"


class Compartment(Model):
    """Closed form."""

    tvCL, tvV = Theta(1.2, lower=0), Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    pk = OneCompartment(cl=CL, v=tvV)
    DV = Observation(pk.concentration, proportional=0.2)


class Saturated(Model):
    """No closed form."""

    tvVmax, km = Theta(8.0, lower=0), Theta(4.0, lower=0)
    Vmax = LogNormal(tvVmax, iiv=0.3)
    central = State()
    central.dt = -Vmax * central / (km + central)
    DV = Observation(central / 9.0, proportional=0.2)


class Count(Model):
    tvB = Theta(2.0, lower=0)
    B = LogNormal(tvB, iiv=0.3)
    DV = Observation(Poisson(B))


class Limited(Model):
    tvB = Theta(2.0, lower=0)
    B = LogNormal(tvB, iiv=0.3)
    DV = Observation(B, additive=0.7, lloq=1.0)


class Remembering(Model):
    tvB = Theta(2.0, lower=0)
    B = LogNormal(tvB, iiv=0.3)
    DV = Observation(B, additive=0.7, autocorrelation=0.4)


class Alone(Model):
    b = Theta(2.0, lower=0)
    DV = Observation(b, additive=0.7)


class Occasions(Model):
    OCC = Occasion()
    tvB = Theta(2.0, lower=0)
    B = LogNormal(tvB, iiv=0.3, iov=0.2)
    DV = Observation(B, additive=0.7)


class Sites(Model):
    SITE = Level()
    tvB = Theta(2.0)
    site = Eta(0.4, level=SITE)
    B = Normal(tvB + site, iiv=0.3)
    DV = Observation(B, additive=0.7)


class Mixed(Model):
    share = Theta(0.4, lower=0, upper=1)
    group = Mixture(share, 1 - share)
    a, b = Theta(1.5), Theta(2.5)
    B = Normal(where(group == 1, a, b), iiv=0.3)
    DV = Observation(B, additive=0.7)


class MixedSites(Model):
    SITE = Level()
    share = Theta(0.4, lower=0, upper=1)
    group = Mixture(share, 1 - share)
    a, b = Theta(1.5), Theta(2.5)
    site = Eta(0.4, level=SITE)
    B = Normal(where(group == 1, a, b) + site, iiv=0.3)
    DV = Observation(B, additive=0.7)


class Believed(Model):
    tvB = Theta(2.0, prior=priors.Normal(2.0, 0.5))
    B = Normal(tvB, iiv=0.3)
    DV = Observation(B, additive=0.7)


def records(dosed: bool) -> pl.DataFrame:
    rng, rows = np.random.default_rng(2), []
    for subject in range(1, 7):
        common = {"ID": subject, "OCC": 1, "SITE": "A" if subject < 4 else "B"}
        rows += [common | {"TIME": 0.0, "AMT": 50.0, "DV": None, "EVID": 1}] if dosed else []
        for k, time in enumerate((1.0, 2.0, 4.0, 8.0)):
            dv = float(rng.poisson(2.0)) if not dosed else 5 * np.exp(-0.13 * time) * (1 + 0.1 * rng.normal())
            rows.append(common | {"TIME": time, "AMT": None, "DV": dv, "EVID": 0, "OCC": 1 + k // 2})
    return pl.DataFrame(rows, infer_schema_length=None)


MODELS = {
    "closed-form compartments": Compartment,
    "differential equations": Saturated,
    "counts, categories, events, free likelihoods": Count,
    "values beyond a limit (M3, M4)": Limited,
    "autocorrelated residuals": Remembering,
    "no random effects": Alone,
    "effects between occasions or within subjects": Occasions,
    "effects of levels above subjects": Sites,
    "mixtures of subpopulations": Mixed,
    "a mixture with levels above subjects": MixedSites,
    "priors (MAP)": Believed,
}
# what has more than the feature it stands for
BESIDES = {"a mixture with levels above subjects": {"mixtures of subpopulations", "effects of levels above subjects"}}


def data_of(model) -> pl.DataFrame:
    return records(dosed=model in (Compartment, Saturated))


def test_every_feature_has_a_model_that_has_it_and_little_else():
    assert set(MODELS) == {feature.title for feature in FEATURES}
    for title, model in MODELS.items():
        problem = bind(model, data_of(model))
        found = {feature.title for feature in FEATURES if feature.names(problem)}
        assert found == {title} | BESIDES.get(title, set())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("feature", FEATURES, ids=lambda one: one.title)
def test_every_cell(name, feature):
    """Start values evaluated: a number, or a refusal by name with what to do instead."""
    method, model = make_method(name), MODELS[feature.title]
    refused = {one.title for one in method.refused}
    concerned = ({feature.title} | BESIDES.get(feature.title, set())) & refused
    if concerned:
        with pytest.raises(SupportError, match=rf"{name} can't honour .*: (use|leave) "):
            method.check(bind(model, data_of(model)))
    elif name == "nuts":  # it has no objective; tests/estimate/test_nuts.py draws
        method.check(bind(model, data_of(model)))
    else:
        assert np.isfinite(popmix.evaluate(model, data_of(model), method).ofv)


def test_alternatives_honour_what_was_refused():
    """A method named as an alternative does not refuse the feature itself."""
    for name in METHODS:
        for feature, alternative in make_method(name).refused.items():
            for kind in re.findall(r"(\w+)\(", alternative):
                assert feature not in getattr(popmix, kind)().refused, f"{name}, {feature.title}: {kind}"


def test_the_page_shows_the_table():
    text = support_text(support_table({name: make_method(name) for name in METHODS}))
    assert f"```text\n{text}\n```" in DOCS.read_text(encoding="utf-8")
