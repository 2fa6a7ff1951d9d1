"""What a class body becomes."""

import numpy as np
import pytest

from popmix import *
from popmix.errors import ModelError
from popmix.model import load, read
from popmix.model.declarations import StartValue
from popmix.model.expression import Attribute, Number, Operation, Reference, walk


class Warfarin(Model):
    """One-compartment oral warfarin, allometric weight on CL and V."""

    WT = Covariate(unit="kg")
    tvCL = Theta(0.135, lower=0, unit="L/h", label="clearance at 70 kg")
    tvV = Theta(8.0, lower=0, unit="L")
    tvKa = Theta(1.0, lower=0, unit="1/h")
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    V = LogNormal(tvV * WT / 70, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.6)
    omega = Block(CL, V, correlation=0.3)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, additive=0.3, proportional=0.1)


def test_the_class_statement_yields_a_model() -> None:
    assert isinstance(Warfarin, Model)
    assert Warfarin.name == "Warfarin"
    assert Warfarin.doc.startswith("One-compartment")
    assert list(Warfarin.declarations) == ["WT", "tvCL", "tvV", "tvKa", "CL", "V", "Ka", "omega", "pk", "DV"]


def test_declarations_hold_plain_trees() -> None:
    assert Warfarin.parameters["CL"].typical.key() == (
        "*", ("name", "tvCL"), ("**", ("/", ("name", "WT"), ("number", 70.0)), ("number", 0.75)),
    )  # fmt: skip
    kinds = {type(node) for each in Warfarin.declarations.values() for root in each.expressions() for node in walk(root)}
    assert kinds == {Reference, Number, Operation, Attribute}
    assert Warfarin.parameters["CL"].iiv == StartValue(0.3)
    assert Warfarin.structures["pk"].compartments == ("depot", "central")
    assert Warfarin.blocks["omega"].members == ("CL", "V")
    assert Warfarin.blocks["omega"].correlation == ((1.0, 0.3), (0.3, 1.0))


def test_a_model_is_frozen_and_hashable() -> None:
    with pytest.raises(AttributeError, match="with_"):
        Warfarin.name = "Other"
    with pytest.raises(TypeError):
        Warfarin.declarations["CL"] = 1
    assert Warfarin in {Warfarin}


def test_models_are_equal_by_content() -> None:
    assert read(Warfarin.source()) == Warfarin
    assert Warfarin.with_(tvCL=0.2) != Warfarin
    assert Warfarin.with_(tvCL=0.2).with_(tvCL=0.135) == Warfarin


def test_subclassing_a_model_is_refused() -> None:
    with pytest.raises(ModelError, match="with_"):

        class Other(Warfarin):
            pass


def test_random_effects() -> None:
    effects = Warfarin.random_effects()
    assert [(one.name, one.parameter, one.sd, one.level) for one in effects] == [
        ("CL", "iiv_CL", StartValue(0.3), None),
        ("V", "iiv_V", StartValue(0.2), None),
        ("Ka", "iiv_Ka", StartValue(0.6), None),
    ]


def test_numpy_scalars_and_functions() -> None:
    class Numpy(Model):
        a = Theta(np.float64(1.0))
        K = LogNormal(np.exp(a) * np.float32(2), iiv=np.float64(0.5))
        DV = Observation(np.float64(3) * K, additive=1)

    assert Numpy.parameters["K"].typical.key() == ("*", ("exp", ("name", "a")), ("number", 2.0))


def test_names_of_an_enclosing_function() -> None:
    weight = 70

    class Inner(Model):
        WT = Covariate()
        a = Theta(1.0)
        DV = Observation(a * WT / weight, additive=1)

    assert Inner.observations["DV"].prediction.key()[-1] == ("number", 70.0)


def test_constants_and_conditions_have_names() -> None:
    class Constants(Model):
        AGE = Covariate()
        limit = 18
        adult = (limit < AGE) & ~(AGE > 65)
        a = Theta(1.0)
        DV = Observation(where(adult, a, 2 * a), additive=1)

    assert Constants.expressions["limit"].expression.key() == ("number", 18.0)
    assert Constants.expressions["adult"].expression.key()[0] == "and"


def test_first_peripheral_of_three_compartments() -> None:
    class Three(Model):
        pk = ThreeCompartments(cl=1, v1=2, q2=3, v2=4, q3=5, v3=6)
        DV = Observation(pk.peripheral + pk.peripheral2, additive=1)

    assert Three.observations["DV"].prediction.key()[1] == ("attribute", "pk", "peripheral1")


def test_dvid_is_a_text() -> None:
    class Two(Model):
        a = Theta(1.0)
        one = Observation(a, additive=1, dvid=1)
        two = Observation(a, additive=1, dvid=2.0)

    assert [each.dvid for each in Two.observations.values()] == ["1", "2"]


def test_several_mistakes_are_all_reported() -> None:
    with pytest.raises(ModelError) as caught:

        class Wrong(Model):
            tvCL = Theta(-1.0, lower=0)
            CL = LogNormal(tvC * 2, iiv=-0.3)
            depot = State()
            DV = Observation(CL + depot)

    message = str(caught.value)
    for words in ("5 mistakes", "below its lower bound", "tvC is not declared", "negative", "no derivative", "no residual error"):
        assert words in message


def test_every_word_is_held(request: pytest.FixtureRequest) -> None:
    tour = load(request.path.parent / "tour.py")
    assert tour.parameters["P7"].df.key() == ("number", 4.0)
    assert tour.blocks["om2"].fixed
    assert tour.blocks["om3"].level == "OCC"
    assert tour.etas["eta_site"].level == "site"
    assert tour.doses["extra"].target == ("pk", "central")
    assert tour.observations["y10"].prediction.kind == "Ordinal"
    assert tour.observations["y2"].power == (StartValue(0.1), StartValue(0.5, fixed=True))
