"""What a report holds, and that it needs nothing from outside."""

import json
import re

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.estimate import FOCE
from popmix.report.maths import equations, mathml

SECTIONS = (
    "summary", "estimates", "certificate", "model", "data", "goodness-of-fit", "predictive-checks", "npde", "random-effects", "estimation",
    "individual-fits", "individuals", "provenance",
)  # fmt: skip


def test_every_section_is_there_and_has_something_in_it(written):
    text = written.read_text(encoding="utf-8")
    found = re.findall(r'<section id="([^"]+)"', text)
    assert tuple(found) == SECTIONS
    for part in re.findall(r"<section.*?</section>", text, re.DOTALL):
        assert re.search(r"<p |<pre>|<table|class=\"drawing\"", part)
    for one in re.findall(r'<a href="#([^"]+)"', text):
        assert one in SECTIONS


def test_nothing_is_asked_of_a_network(written):
    """No element and no style points anywhere but into the page; plotly's script is there as text."""
    text = written.read_text(encoding="utf-8")
    page = re.sub(r'<script( type="text/plain" id="plotly")?>.*?</script>', "", text, flags=re.DOTALL)
    assert not re.search(r'(src|href|action)="(?!#|data:)', page)
    assert "@import" not in page and not re.search(r"url\((?!data:)", page)
    assert written.stat().st_size < 10e6


def test_the_numbers_are_those_of_the_fit(written, theophylline):
    text = written.read_text(encoding="utf-8")
    assert f"{theophylline.ofv:.3f}" in text and f"{theophylline.aic:.3f}" in text
    assert f"{theophylline.parameters['tvCL']:.4g}" in text
    assert theophylline.data.sha256 in text and "popmix fit theophylline.py theophylline.csv --out &#39;run 1&#39;" in text


def test_what_the_panel_of_a_subject_shows(written, theophylline):
    text = written.read_text(encoding="utf-8")
    told = json.loads(re.search(r'id="json-subjects">(.*?)</script>', text, re.DOTALL).group(1))
    assert list(told["subjects"]) == [str(k) for k in range(1, 13)]
    own = told["subjects"]["5"]
    assert len(own["rows"]) == 11 and len(own["curves"]["DV"]["TIME"]) > 50
    assert ["OFV", f"{theophylline.individuals_table['OFV'][4]:.4g}"] in own["facts"]


def test_names_that_look_like_markup_are_text(theophylline, tmp_path):
    target = popmix.report(theophylline, tmp_path / "r.html", gallery=popmix.gallery(theophylline, 50), title="<b>&</script>")
    text = target.read_text(encoding="utf-8")
    assert "<title>&lt;b&gt;&amp;&lt;/script&gt;</title>" in text and "<b>&</script>" not in text


def test_equations_become_rows_of_markup(theophylline):
    rows = equations(theophylline.model.to_latex())
    assert len(rows) == 11 and all(len(row) == 2 and row[0].startswith("<math") for row in rows)
    assert '<mi mathvariant="normal">Ka</mi>' in rows[0][0] and "&#x0223C;" in rows[1][1]


def test_what_is_aligned_inside_an_equation_stays_together():
    rows = equations(r"\begin{align*} a &= \begin{cases} 1 & x < 0 \\ 2 & \text{otherwise} \end{cases} \\ b &= 3 \end{align*}")
    assert [len(row) for row in rows] == [2, 2] and "otherwise" in rows[0][1]
    assert mathml("x").startswith("<math")


def one_compartment(**options):
    class Small(Model):
        tvCL = Theta(2.0, lower=0)
        CL = LogNormal(tvCL, iiv=0.3)
        pk = OneCompartment(cl=CL, v=20)
        DV = Observation(pk.concentration, proportional=0.2, **options)

    return Small


def rows(n, dv):
    found = {name: [] for name in ("ID", "TIME", "AMT", "EVID", "DV")}
    random = np.random.default_rng(2)
    for one in range(1, n + 1):
        for time in (0.0, 2.0, 10.0, 20.0):
            is_dose = time == 0
            value = None if is_dose else dv or 5 * np.exp(-time * 0.1 + 0.1 * random.standard_normal())
            for name, cell in zip(found, (one, time, 100.0 * is_dose, int(is_dose), value), strict=True):
                found[name].append(cell)
    return found


def made(fit, tmp_path, **given):
    return popmix.report(fit, tmp_path / "r.html", gallery=popmix.gallery(fit, 60), **given).read_text(encoding="utf-8")


def test_a_fit_that_has_not_converged_says_so_on_top(tmp_path):
    fit = popmix.fit(one_compartment(), rows(6, None), FOCE(iterations=1))
    assert not fit.convergence.converged
    text = made(fit, tmp_path)
    assert re.search(r'<p class="alarm">NOT CONVERGED', text) and "NOT CONVERGED)" in text


def test_one_subject_is_reported(tmp_path):
    text = made(popmix.evaluate(one_compartment(), rows(1, None)), tmp_path)
    assert "There is one subject" in text and "nothing was estimated" in text
    assert "The model has no covariates" in text and "Standard errors were not asked for" in text


def test_an_endpoint_with_nothing_but_censored_values_is_reported(tmp_path):
    fit = popmix.evaluate(one_compartment(lloq=50.0), rows(4, 1.0), popmix.Laplace())
    text = made(fit, tmp_path)
    assert "All values of DV are censored: it has no CWRES" in text


def test_outcomes_without_curves_are_reported(tmp_path):
    class Grades(Model):
        a = Theta(0.2)
        u = Eta(sd=1.0)
        PAIN = Observation(Ordinal(a + u, cutpoints=(-0.8, 0.7)))

    data = {"ID": [1, 1, 2, 2, 3, 3, 4, 4], "TIME": [0, 1] * 4, "DV": [0, 1, 2, 1, 0, 0, 1, 2]}
    text = made(popmix.fit(Grades, data), tmp_path)
    assert "No endpoint is continuous: there are no curves to draw." in text and "share of PAIN" in text


def test_times_of_events_are_reported(tmp_path):
    class Events(Model):
        rate = Theta(0.1, lower=0)
        EVENT = Observation(TimeToEvent(rate))

    data = {"ID": list(range(1, 9)), "TIME": [2.0, 5, 7, 10, 10, 3, 8, 10], "DV": [1, 1, 1, 0, 0, 1, 1, 0]}
    text = made(popmix.fit(Events, data), tmp_path)
    assert "share without event" in text and "The model has no random effects" in text


def test_a_path_that_can_not_be_written_is_told(theophylline, tmp_path):
    with pytest.raises(popmix.PopmixError, match="can't be written"):
        popmix.report(theophylline, tmp_path / "absent" / "r.html", gallery=popmix.gallery(theophylline, 50))
