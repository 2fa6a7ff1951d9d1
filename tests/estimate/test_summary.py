"""The text and HTML of a fit."""

import math

import numpy as np
import pytest

from popmix.estimate import summary
from popmix.model import Block, Fixed, LogNormal, Model, Normal, Observation, T, Theta


def many_parameters(count: int) -> Model:
    lines = "\n".join(f"    t{k} = Theta(1.0)\n    p{k} = LogNormal(t{k}, iiv=0.3)" for k in range(count))
    total = " + ".join(f"p{k}" for k in range(count))
    source = f"from popmix import *\nclass Many(Model):\n{lines}\n    DV = Observation(({total}) * T, additive=1.0)\n"
    space: dict = {}
    exec(compile(source, "<many>", "exec"), space)
    return space["Many"]


def line_of(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(name)).split()


def test_heading_names_model_data_method_and_sizes(make_fit):
    text = summary.as_text(make_fit())
    assert text.splitlines()[0] == "Theophylline on theophylline.csv: FOCEI, 12 subjects, 132 observations"
    assert "OFV 116.125   -2LL 358.725   AIC 374.725   BIC 397.787" in text
    assert "Converged: the scaled gradient" in text
    assert "Time: compile 0.08 s, fit 0.0512 s" in text


def test_weights_are_told(make_fit):
    assert "weighted" not in summary.as_text(make_fit())
    text = summary.as_text(make_fit(weights=np.array([2.5, 0.0] + [1.0] * 10)))
    assert text.splitlines()[0].endswith("12 subjects, 132 observations (weighted: 12.5 subjects)")


def test_variability_is_shown_as_sd_variance_cv_and_shrinkage(make_fit):
    sd, variance, cv, shrinkage = line_of(summary.as_text(make_fit()), "iiv_Ka")[1:]
    assert (float(sd), float(variance), float(shrinkage)) == (0.6, 0.36, 4.2)
    assert float(cv) == pytest.approx(100 * math.sqrt(math.exp(0.36) - 1), abs=0.05)


def test_cv_is_left_blank_for_what_is_not_log_normal(make_fit):
    class Straight(Model):
        a = Theta(1.0)
        slope = Normal(a, iiv=0.5)
        DV = Observation(slope * T, additive=1.0)

    text = summary.as_text(make_fit(Straight, shrinkage={}))
    assert "CV%" not in text
    assert line_of(text, "iiv_slope") == ["iiv_slope", "0.5000", "0.2500"]


def test_standard_errors_appear_when_they_are_known(make_fit):
    assert "RSE%" not in summary.as_text(make_fit())
    text = summary.as_text(make_fit(se={"tvCL": 0.004}))
    assert "RSE%" in text
    assert line_of(text, "tvCL")[1:5] == ["0.04000", "L/h/kg", "0.004000", "10.0"]


def test_fixed_and_bound_estimates_are_marked(make_fit):
    class Marked(Model):
        low = Theta(1.0, lower=0, upper=2)
        high = Theta(1.0, lower=0, upper=2)
        still = Theta(1.0, fixed=True)
        a = LogNormal(low, iiv=Fixed(0.2))
        b = LogNormal(high, iiv=0.3)
        DV = Observation((a + b + still) * T, additive=1.0)

    start = make_fit(Marked).start
    end = start.with_values({"low": 1e-9, "high": 2 - 1e-9, "iiv_b": 1e-6})
    text = summary.as_text(make_fit(Marked, parameters=end, shrinkage={}))
    assert line_of(text, "low")[2:] == ["at", "its", "lower", "bound"]
    assert line_of(text, "high")[2:] == ["at", "its", "upper", "bound"]
    assert line_of(text, "still")[-1] == "fixed"
    assert line_of(text, "iiv_a")[-1] == "fixed"
    assert line_of(text, "iiv_b")[-2:] == ["near", "zero"]


def test_correlations_have_their_section(make_fit):
    class Two(Model):
        ta = Theta(1.0)
        tb = Theta(1.0)
        a = LogNormal(ta, iiv=0.2)
        b = LogNormal(tb, iiv=0.3)
        both = Block(a, b, correlation=0.25)
        DV = Observation((a + b) * T, additive=1.0)

    assert line_of(summary.as_text(make_fit(Two, shrinkage={})), "corr_a_b") == ["corr_a_b", "0.2500"]


@pytest.mark.parametrize("count", [3, 10, 17, 18, 60])
@pytest.mark.parametrize("n_messages", [0, 40])
def test_at_most_forty_lines(make_fit, count, n_messages):
    messages = tuple(f"{'very ' * 60} long warning {k}" for k in range(n_messages))
    text = summary.as_text(make_fit(many_parameters(count), shrinkage={}, messages=messages))
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 140
    shown = sum(line.startswith(("t", "iiv_", "additive_")) for line in lines)
    hidden = [int(line.split()[1]) for line in lines if "more parameter" in line]
    assert shown + sum(hidden) == 2 * count + 1


def test_an_evaluation_and_a_failure_say_so(make_fit):
    fit = make_fit()
    state = type(fit.convergence)
    assert "Evaluated: at the given" in summary.as_text(make_fit(convergence=state(False, "at the given values.", evaluated_only=True)))
    assert "NOT CONVERGED: it stopped" in summary.as_text(make_fit(convergence=state(False, "it stopped.")))


def test_numbers_that_are_not_finite_are_said_in_words(make_fit):
    assert "OFV not finite" in summary.as_text(make_fit(ofv=np.nan))


def test_html_holds_every_row_and_escapes(make_fit):
    page = summary.as_html(make_fit(many_parameters(60), shrinkage={}, messages=("a < b",)))
    assert page.count("<tr>") == 121 + 3
    assert "a &lt; b" in page
