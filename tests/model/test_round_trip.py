"""`read(write(model)) == model`: over all examples and reference models, and over generated expressions."""

import operator
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popmix.model import Model, exp, load, log, read, where, write
from popmix.model.declarations import Named, Observation, StartValue, Theta
from popmix.model.expression import Expression, Reference

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared"
MODELS = sorted([*SHARED.glob("examples/*.py"), *SHARED.glob("reference/*/model.py")])
NAMES = ("a", "b")


@pytest.mark.parametrize("path", [HERE / "tour.py", *MODELS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file(path: Path) -> None:
    model = load(path)
    again = read(write(model))
    assert again == model
    assert hash(again) == hash(model)
    assert write(again) == write(model) == model.source()
    assert pickle.loads(pickle.dumps(model)) == model


def test_shared_models_are_there() -> None:
    if not MODELS:
        pytest.skip("no ../shared beside the checkout: its examples and reference models are not tested")
    assert len(MODELS) > 20


def _grown(inner: st.SearchStrategy) -> st.SearchStrategy:
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-9, 9)
    binary = st.sampled_from([operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
    comparison = st.sampled_from([operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
    condition = st.builds(lambda f, x, y: f(x, y), comparison, inner, inner | numbers)
    joined = st.builds(lambda f, x, y: f(x, ~y), st.sampled_from([operator.and_, operator.or_]), condition, condition)
    conditions = condition | joined
    return (
        st.builds(lambda f, x, y: f(x, y), binary, inner, inner)
        | st.builds(lambda f, x, y: f(x, y), binary, inner, numbers.filter(bool))
        | st.builds(lambda f, x, y: f(x, y), binary, numbers, inner)
        | st.builds(lambda f, x: f(x), st.sampled_from([operator.neg, abs, exp, log]), inner)
        | st.builds(where, conditions, inner, inner | numbers)
    )


EXPRESSIONS = st.recursive(st.sampled_from([Reference(name) for name in (*NAMES, "T")]), _grown, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_generated_expression(expression: Expression) -> None:
    declarations = {name: Theta(1.0) for name in NAMES}
    declarations["both"] = Named(Reference("a") + Reference("b"))
    declarations["DV"] = Observation(expression + Reference("both"), additive=StartValue(1.0))
    model = Model("Generated", "", declarations)
    assert read(write(model)) == model


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_generated_texts(doc: str, label: str) -> None:
    body = f"    {doc!r}\n    a = Theta(1.0, label={label!r})\n    DV = Observation(a, additive=1)\n"
    source = f"from popmix import *\n\n\nclass Texts(Model):\n{body}"
    model = read(source)
    assert model.declarations["a"].label == label
    assert read(write(model)) == model


@given(st.floats(min_value=1e-300, allow_infinity=False))
@settings(max_examples=100, deadline=None)
def test_numbers_keep_all_digits(value: float) -> None:
    model = Model("Numbers", "", {"a": Theta(value), "DV": Observation(Reference("a"), additive=StartValue(value))})
    assert read(write(model)) == model
