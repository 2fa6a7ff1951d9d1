"""Editing verbs return new models, or say everything that is wrong."""

import pytest

from popmix import *
from popmix.errors import ModelError
from popmix.model import read
from popmix.model.declarations import StartValue


class Base(Model):
    """A small model."""

    WT = Covariate()
    reference = 70
    tvCL = Theta(1.0, lower=0)
    tvV = Theta(10.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV * WT / reference, iiv=0.2)
    Ka = LogNormal(1.5, iiv=0.5)
    omega = Block(CL, V, correlation=0.3)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, power=(0.1, 0.9), additive=0.5)


def test_start_values_by_result_name() -> None:
    changed = Base.with_(tvCL=2, iiv_CL=0.4, corr_CL_V=-0.1, additive_DV=Fixed(0.7), power_DV=0.2, exponent_DV=1, reference=80)
    assert changed.thetas["tvCL"].start == 2.0
    assert changed.parameters["CL"].iiv == StartValue(0.4)
    assert changed.blocks["omega"].correlation == ((1.0, -0.1), (-0.1, 1.0))
    assert changed.observations["DV"].additive == StartValue(0.7, fixed=True)
    assert changed.observations["DV"].power == (StartValue(0.2), StartValue(1.0))
    assert changed.expressions["reference"].expression.key() == ("number", 80.0)
    assert Base.thetas["tvCL"].start == 1.0


def test_declarations_are_replaced_and_added() -> None:
    changed = Base.with_(CL=LogNormal(Base["tvCL"] * Base["WT"] ** 0.75, iiv=0.1), tvCL=Theta(3.0, fixed=True))
    assert changed.parameters["CL"].iiv == StartValue(0.1)
    assert list(changed.declarations) == list(Base.declarations)
    more = Base.with_(cp2=Observation(2 * Base["pk"].central, additive=1))
    assert list(more.observations) == ["DV", "cp2"]


def test_a_new_declaration_comes_before_its_use() -> None:
    changed = Base.with_(CL=Normal(Base["tvCL"] * Base["V"], iiv=0.1))
    assert list(changed.declarations).index("V") < list(changed.declarations).index("CL")
    assert read(changed.source()) == changed


def test_everything_wrong_is_said() -> None:
    with pytest.raises(ModelError) as caught:
        Base.with_(tvCl=2, iiv_Cl=1, WT=3)
    message = str(caught.value)
    assert "did you mean tvCL?" in message
    assert "did you mean iiv_CL?" in message
    assert "WT is a Covariate" in message


def test_impossible_results_are_refused() -> None:
    with pytest.raises(ModelError, match="below its lower bound"):
        Base.with_(tvCL=-1)
    with pytest.raises(ModelError, match="between -1 and 1"):
        Base.with_(corr_CL_V=2)
    with pytest.raises(ModelError, match="never used"):
        Base.with_(V=LogNormal(Base["tvV"], iiv=0.2))


def test_fix() -> None:
    held = Base.fix("tvCL", "iiv_Ka", "corr_CL_V", additive_DV=0.4)
    assert held.thetas["tvCL"].fixed
    assert held.parameters["Ka"].iiv == StartValue(0.5, fixed=True)
    assert held.blocks["omega"].fixed
    assert held.observations["DV"].additive == StartValue(0.4, fixed=True)
    with pytest.raises(ModelError, match=r"did you mean tvCL\?"):
        Base.fix("tvcl")


def test_one_correlation_of_three_is_not_fixed_alone() -> None:
    three = Base.with_(omega=Block(Base["CL"], Base["V"], Base["Ka"], correlation=0.1))
    with pytest.raises(ModelError, match="as a whole"):
        three.fix("corr_CL_V")
    assert three.fix("corr_CL_V", "corr_CL_Ka", "corr_V_Ka").blocks["omega"].fixed


def test_a_word_called_wrongly_outside_a_class_is_placed() -> None:
    with pytest.raises(ModelError) as caught:
        Base.with_(tvCL=Theta(1.0, lowr=0))
    assert "did you mean lower=?" in str(caught.value)
    assert "test_editing.py, line" in str(caught.value)


def test_circles_are_refused() -> None:
    with pytest.raises(ModelError, match="itself"):
        Base.with_(tvCL=Base["CL"] * 2)
