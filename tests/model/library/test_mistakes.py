"""Wrong uses of structures: each is refused in words that say what to write."""

import pytest

from popmix.errors import ModelError
from popmix.model import TMDDWagner, TwoCompartments, read

HEAD = """from popmix import *


class M(Model):
    CL = Theta(1.0)
    V = Theta(2.0)
    s = State()
    pk = OneCompartment(cl=CL, v=V, ka=CL)
    growth = LogisticGrowth(size0=V, rate=CL, capacity=10)
    s.dt = -s
    PK = Observation(pk.concentration + growth.size, additive=1)
"""


def refusal(*statements: str) -> str:
    """Return the message for a model with these statements after the usual ones."""
    with pytest.raises(ModelError) as caught:
        read(HEAD + "".join(f"    {each}\n" for each in statements))
    return str(caught.value)


MIXTURES = {
    "p = OneCompartment(cl=CL, k=CL, v=V)": ("OneCompartment can't take cl=, v= and k= together", "OneCompartment(k=..., v=...)"),
    "p = OneCompartment()": ("OneCompartment needs cl= and v=", "OneCompartment(v=..., vmax=..., km=...)"),
    "p = OneCompartment(cl=CL, v=V, vmax=2)": ("OneCompartment needs km=", "OneCompartment(cl=..., v=..., vmax=..., km=...)"),
    "p = TwoCompartments(cl=CL, v1=V, q=CL)": ("TwoCompartments needs v2=", "TwoCompartments(cl=..., v1=..., q=..., v2=...)"),
    "p = TwoCompartments(cl=CL, v1=V, q=CL, v2=V, vss=V)": (
        "v2= and vss= together",
        "(alpha=..., beta=..., k21=..., v1=...)",
    ),
    "p = ThreeCompartments(k=CL, k12=CL, k21=CL, k13=CL, v1=V)": ("ThreeCompartments needs k31=", "k31=..., v1=...)"),
    "p = TMDD(cl=CL, v=V, r0=1, kint=1, kon=1, koff=1, q=2)": ("TMDD needs v2=", "q=..., v2=..."),
    "p = TMDD(cl=CL, v=V, r0=1, kint=1, kon=1)": ("TMDD needs koff=", "as in TMDD(kon=..., koff=...)"),
    "p = TMDD(cl=CL, v=V, kint=1, kon=1, koff=1)": ("TMDD needs r0=", "as in TMDD(cl=..., v=..., r0=..., kint=...)"),
    "p = IndirectResponse(concentration=s, of='loss', kin=1, kout=1, imax=1, sc50=1)": ("imax= and sc50= together", "smax=..., sc50=..."),
    "p = IndirectResponse(concentration=s, of='los', kin=1, kout=1, imax=1, ic50=1)": ('of="los" is unknown', "did you mean loss?"),
    "p = IndirectResponse(concentration=s, of=CL, kin=1, kout=1, imax=1, ic50=1)": ("of must be a text", '"production" or "loss"'),
    "p = EmaxEffect(concentration=s, emax=1, ec5=1)": ("EmaxEffect has no argument ec5=", "did you mean ec50=?"),
    "p = EmaxEfect(concentration=s, emax=1, ec50=1)": ("EmaxEfect is not declared", "did you mean EmaxEffect?"),
    "p = EmaxEffect(concentration='s', emax=1, ec50=1)": ('the text "s" stands where a number is needed', "text"),
    "p = transit_profile(mt=1, n=2)": ("transit_profile has no argument mt=", "did you mean mtt=?"),
}


@pytest.mark.parametrize("statement", MIXTURES)
def test_wrong_arguments(statement):
    message = refusal(statement)
    assert all(words in message for words in MIXTURES[statement]), message


VALUES = {
    "p = EmaxEffect(concentration=s, emax=-1, ec50=-1)": "ec50 of p starts at -1 but must be positive",
    "p = EffectCompartment(concentration=s, ke0=0)": "ke0 of p starts at 0 but must be positive",
    "p = OneCompartment(k=-1, v=V)": "k of p starts at -1 but can't be negative",
    "p = DecayToPlateau(level0=s, rate=1, plateau=-3)": "the start of p.level depends on s, which has no value yet",
    "p = IndirectResponse(concentration=s, of='loss', kin=s, kout=1, imax=1, ic50=1)": "the start of p.response depends on s",
}


@pytest.mark.parametrize("statement", VALUES)
def test_wrong_values(statement):
    message = refusal(statement, "DV2 = Observation(p.effect + CL, additive=1, dvid='x')")
    assert VALUES[statement] in message


def test_signs_that_have_a_meaning_are_taken():
    body = "    p = EmaxEffect(concentration=s, emax=-1, ec50=1, e0=0)\n    D = Observation(p.effect, additive=1)\n"
    assert read(HEAD + body).structures["p"].kind == "EmaxEffect"


PARTS = {
    "x = pk.fre + CL": ("pk has no part .fre", "it has .concentration, .depot and .central"),
    "x = growth.concentration": ("growth has no part .concentration", "it has .size"),
    "x = growth.depot": ("growth has no part .depot", "it has .size"),
    "x = growth.siz": ("growth has no part .siz", "did you mean growth.size?"),
    "x = growth + 1": ("growth is a LogisticGrowth and stands where a number is needed", "did you mean growth.size?"),
    "x = LogisticGrowth(size0=1, rate=1, capacity=2).size": ("a part of a LogisticGrowth is used before it has a name", "pk.size"),
}


@pytest.mark.parametrize("statement", PARTS)
def test_wrong_parts(statement):
    message = refusal(statement, "DV2 = Observation(x, additive=1, dvid='x')")
    assert all(words in message for words in PARTS[statement]), message


DENSITY = "transit_profile(mtt=CL, n=2)"
DOSES = {
    f"d = Dose(s, profile={DENSITY}, rate=1)": ("d has both a profile and a rate", "the profile alone"),
    f"d = Dose(s, profile={DENSITY}, duration=1)": ("d has both a profile and a duration", "the profile alone"),
    "d = Dose(s, profile=exp(-CL * T))": ("the profile of d does not depend on TAD", "transit_profile"),
    "d = Dose(s, profile=s * exp(-TAD))": ("the profile of d depends on s, which changes with the dynamics", "parameters and TAD"),
    "d = OneCompartment(cl=1, v=1, profile=exp(-T))": ("the profile of d does not depend on TAD", "transit_profile"),
    "d = OneCompartment(cl=1, v=1, rate=1, profile=exp(-TAD))": ("d has both a profile and a rate", "the profile alone"),
}


@pytest.mark.parametrize("statement", DOSES)
def test_wrong_profiles(statement):
    message = refusal(statement)
    assert all(words in message for words in DOSES[statement]), message


def test_a_profile_that_is_no_density():
    message = refusal("d = Dose(s, profile=exp(-2 * TAD))")
    assert "the profile of d integrates to 0.5 over TAD at the start values, not to 1" in message
    assert "the fraction that arrives is given by f=" in message


SMOOTH = ("transit_profile(mtt=0.01, n=0.2)", "transit_profile(mtt=200, n=30)", "weibull_profile(scale=5, shape=0.4)")
ROUGH = ("where(TAD < 2, 0.5, 0)", "where(TAD < 2, 5, 0)", "transit_profile(mtt=3, n=5000)", "transit_profile(mtt=3, n=1e8)")
UNKNOWN = ("WT * exp(-TAD)",)


@pytest.mark.parametrize("profile", [*SMOOTH, *ROUGH, *UNKNOWN])
def test_densities_are_taken_and_what_can_not_be_judged_is_left(profile):
    body = f"    WT = Covariate()\n    d = Dose(s, profile={profile})\n    D = Observation(s * WT, additive=1, dvid='x')\n"
    assert read(HEAD + body).doses["d"].profile is not None


def test_a_part_that_goes_with_its_structure():
    model = read(HEAD)
    with pytest.raises(ModelError, match=r"pk has no part \.concentration"):
        model.with_(pk=TMDDWagner(cl=1, v=1, r0=1, kint=1, kss=1))
    assert model.with_(pk=TwoCompartments(cl=1, v1=1, q=1, v2=1)).structures["pk"].kind == "TwoCompartments"


def test_a_profile_may_be_named():
    body = "    k = exp(-TAD)\n    d = Dose(s, profile=k)\n    D = Observation(s, additive=1)\n"
    assert read(HEAD + body).doses["d"].profile is not None


def test_one_route_into_the_first_compartment():
    second = "q = OneCompartment(cl=1, v=1, duration=2)"
    assert "d has a profile, and q a duration" in refusal(second, "d = Dose(q.central, profile=exp(-TAD))")
    assert "duration is given both in q and in d" in refusal(second, "d = Dose(q, duration=1)")


def test_an_argument_called_rate_is_no_rate_of_infusion():
    body = "    d = Dose(growth.size, rate=2)\n    e = Dose(s, f=0.5)\n"
    assert set(read(HEAD + body).doses) == {"d", "e"}


def test_a_dose_needs_a_compartment():
    message = refusal("e = EmaxEffect(concentration=s, emax=1, ec50=1)", "d = Dose(e)", "D = Observation(e.effect, additive=1, dvid='x')")
    assert "the dose goes nowhere: e is an EmaxEffect, which has no compartments" in message
    assert "dose into s, pk.depot, pk.central or growth.size" in message


def test_a_structure_that_nothing_reads():
    assert "use p.free or another part" not in refusal("p = EmaxEffect(concentration=s, emax=1, ec50=1)")
    assert "use p.effect or another part" in refusal("p = EmaxEffect(concentration=s, emax=1, ec50=1)")
