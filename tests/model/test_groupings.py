"""Words for occasions, levels and outcomes: what they make, how they are written, and what is said of wrong ones."""

import pytest

from popmix import *
from popmix import read, write
from popmix.errors import ModelError
from popmix.model.parameters import parameters_of

BODY = """from popmix import *

class Wrong(Model):
    a = Theta(1.0)
    A = LogNormal(a, iiv=0.3)
    B = LogNormal(a, iiv=0.3)
    {statement}
    DV = Observation({observed})
"""


def source(statement: str = "c = 1", observed: str = "A * B, additive=0.1") -> str:
    return BODY.format(statement=statement, observed=observed)


@pytest.mark.parametrize("occasion", ["Occasion()", 'Occasion("VISIT")', "Occasion(dose=True)", "Occasion(breaks=(24, 48.5))"])
def test_occasions_are_written_as_they_were(occasion):
    model = read(source(f"OCC = {occasion}").replace("A = LogNormal(a, iiv=0.3)", "A = LogNormal(a, iiv=0.3, iov=0.1)"))
    assert f"OCC = {occasion}" in write(model) and read(write(model)) == model
    assert parameters_of(model).names == ("a", "additive_DV", "iiv_A", "iiv_B", "iov_A")


@pytest.mark.parametrize(
    ("statement", "observed", "told"),
    [
        ('OCC = Occasion("VISIT", dose=True)', None, "an Occasion goes by a column, by doses or by breaks"),
        ("OCC = Occasion(breaks=(48, 24))", None, "breaks must be times in increasing order"),
        ("om = Block(A, B, band=2)", None, "band must be a whole number from 1 to 1"),
        ("S = Level()\n    om = Block(A, B, level=S)", None, "A does not vary on the level S: only a free Eta does"),
        ("c = 1", 'A * B, additive=0.1, combined="both"', "combined='both' doesn't exist"),
        ("c = 1", 'A * B, additive=0.1, combined="sd"', "combined= without both additive= and proportional="),
        ("c = 1", 'A * B, additive=0.1, censoring="M2"', "censoring='M2' doesn't exist"),
        ("c = 1", "Poisson(A * B), lloq=1", "has the distribution Poisson and lloq="),
        ("c = 1", "Poisson(A * B), student=4", "has the distribution Poisson and student="),
        ("c = 1", "Ordinal(A * B, cutpoints=(1, 0))", "the cutpoints of DV do not increase"),
        ("c = 1", "Markov(initial=(A, B), transitions=((A, B),))", "as many probabilities in `initial` and in each row"),
        ("c = 1", "TimeToEvent(A * B, interval=2)", "interval must be True or False"),
    ],
)
def test_wrong_words_are_mistakes_with_a_mend(statement, observed, told):
    with pytest.raises(ModelError) as caught:
        read(source(statement, observed or "A * B, additive=0.1"))
    assert told in str(caught.value)


def test_a_band_holds_the_correlations_beyond_it():
    class Banded(Model):
        a = Theta(1.0)
        A = LogNormal(a, iiv=0.3)
        B = LogNormal(a, iiv=0.3)
        C = LogNormal(a, iiv=0.3)
        om = Block(A, B, C, correlation=0.2, band=1)
        DV = Observation(A * B * C, additive=0.1)

    own = parameters_of(Banded)
    held = dict(zip(own.names, zip(own.values.tolist(), own.fixed.tolist(), strict=True), strict=True))
    assert held["corr_A_B"] == (0.2, False) and held["corr_A_C"] == (0.0, True) and held["corr_B_C"] == (0.2, False)
