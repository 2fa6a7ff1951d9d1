"""A model prints as tables, HTML and LaTeX."""

from pathlib import Path

import pytest

from popmix.model import Model, load
from popmix.model.latex import symbol


@pytest.fixture(scope="module")
def tour() -> Model:
    return load(Path(__file__).parent / "tour.py")


def test_text(tour: Model) -> None:
    text = repr(tour)
    assert text.startswith("Tour: Every word.")
    tables = ("(0, inf)", "prior LogNormal(0, 1)", "30.7%", "LogitNormal(0, 10)", "corr_P1_P2")
    for words in (*tables, "three compartments", "ds1/dt", "y12 ~ TimeToEvent"):
        assert words in text


def test_html(tour: Model) -> None:
    markup = tour._repr_html_()
    assert markup.startswith("<div>")
    assert "<td>P1</td>" in markup
    assert "WT &gt; 18" in markup


def test_latex(tour: Model) -> None:
    latex = tour.to_latex()
    assert latex.startswith("\\begin{align*}")
    assert latex.count("{") == latex.count("}")
    assert latex.count("\\left") == latex.count("\\right")
    for words in (r"e^{\eta_{P_{2}} + \kappa_{P_{2}}}", r"\frac{d\,s_{1}}{dt}", r"\begin{cases}", r"\operatorname{Poisson}"):
        assert words in latex


def test_symbols() -> None:
    assert symbol("beta_CL") == r"\beta_{\mathrm{CL}}"
    assert symbol("V1") == "V_{1}"
    assert symbol("CL") == r"\mathrm{CL}"
    assert symbol("_x") == r"\mathrm{\_x}"
