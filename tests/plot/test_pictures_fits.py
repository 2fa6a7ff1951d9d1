"""What pictures of fits and residuals hold: the points that went in, and the lines that tell what should be."""

import math
from statistics import NormalDist

import numpy as np
import picture_tables as made
import pytest

from popmix.errors import OptionError
from popmix.plot.fits import individual_fits, observed_predicted
from popmix.plot.layers import Band, Bars, Lines, Points, Rule, Texts, Ticks, Whiskers
from popmix.plot.parts import by_value, histogram, kernel_density, normal_quantiles, worded
from popmix.plot.residuals import absolute_residuals, gof_panel, residual_distribution, residual_quantiles, residuals_against
from popmix.plot.subjects import spaghetti
from popmix.table import Table


def layers(panel, kind, style=None):
    return [layer for layer in panel.layers if isinstance(layer, kind) and style in (None, layer.style)]


def drawn_points(panel):
    return sum(len(layer.x) for layer in layers(panel, Points) if layer.style in ("points", "censored"))


def replaced(table, **columns):
    return Table({**dict(table), **columns}, table.units)


def test_observed_against_predicted_holds_every_point_and_the_identity():
    own = made.observations()
    picture = observed_predicted(own)
    [panel] = picture.panels
    assert drawn_points(panel) == own.n_rows == picture.data["points"].n_rows
    assert len(layers(panel, Points, "censored")[0].x) == np.count_nonzero(own["CENSORED"] == "left") > 0
    assert layers(panel, Rule, "identity")[0].kind == "identity" and panel.square
    assert set(layers(panel, Lines, "subject")[0].group) == set(own["ID"])
    assert layers(panel, Points)[0].key[0] == "1"
    assert (panel.x_label, panel.y_label) == ("IPRED [mg/L]", "DV [mg/L]")
    assert picture.data["smooth"].n_rows == len(layers(panel, Lines, "smooth")[0].x) > 0


def test_missing_numbers_are_left_out_and_logarithms_take_positive_ones():
    dv = made.observations()["DV"].copy()
    dv[:4], dv[4:7] = np.nan, 0.0
    own = replaced(made.observations(), DV=dv)
    assert drawn_points(observed_predicted(own).panels[0]) == own.n_rows - 4
    panel = observed_predicted(own, "PRED", log=True).panels[0]
    assert drawn_points(panel) == own.n_rows - 7 and panel.x_log and panel.y_log
    assert np.all(layers(panel, Lines, "smooth")[0].y > 0)


def test_one_panel_for_each_value():
    own = made.observations()
    panels = observed_predicted(own, by="DVID").panels
    assert [panel.title for panel in panels] == ["urine", "plasma"]
    assert sum(drawn_points(panel) for panel in panels) == own.n_rows
    assert [panel.title for panel in residuals_against(own, by="SEX").panels] == ["SEX: F", "SEX: M"]
    assert worded(1234567.0) == "1234567" and worded(0.5) == "0.5" and worded("a") == "a"
    assert [title for title, _ in by_value(Table({"A": np.array([2.0, 1.0, np.nan, 10.0])}), "A")] == ["A: 1", "A: 2", "A: 10"]


def test_missing_columns_are_named_with_those_there_are():
    own = made.observations()
    with pytest.raises(OptionError, match=r"observations has no column 'EPRED'; there are ID, TIME, TAD"):
        observed_predicted(own, "EPRED")
    with pytest.raises(OptionError, match="'NPD'"):
        residuals_against(own, "NPD")
    with pytest.raises(OptionError, match=r"'SEX' of observations has to hold numbers, not 'F'"):
        residuals_against(own, against="SEX")
    with pytest.raises(OptionError, match="make classes"):
        residuals_against(replaced(own, MANY=np.arange(own.n_rows)), by="MANY")
    with pytest.raises(OptionError, match="curves has no column 'IPRED'"):
        individual_fits(own, Table({"ID": ["1"], "TIME": [1.0], "PRED": [1.0]}))


def test_individual_fits_fill_pages_with_every_subject():
    own = made.observations()
    one_endpoint = Table({name: own[name] for name in own if name != "DVID"})
    pages = individual_fits(one_endpoint, made.curves(), made.doses())
    assert [len(page.panels) for page in pages] == [9, 9, 6] and {page.columns for page in pages} == {3}
    assert [page.name for page in pages] == ["individual_fits_1", "individual_fits_2", "individual_fits_3"]
    assert pages[1].title == "Individual fits (page 2 of 3)"
    panels = [panel for page in pages for panel in page.panels]
    assert [panel.title for panel in panels] == [f"ID {number}" for number in range(1, 25)]
    assert sum(len(layers(panel, Points, "data")[0].x) for panel in panels) == np.count_nonzero(own["CENSORED"] == "")
    assert all(len(layers(panel, Lines, style)[0].x) == 97 for panel in panels for style in ("ipred", "pred"))
    assert all(layers(panel, Ticks, "dose")[0].x.tolist() == [0.0, 12.0] for panel in panels)


def test_endpoints_have_panels_of_their_own():
    own = made.observations(3)
    pages = individual_fits(own, made.curves(3), per_page=4, limits={"plasma": made.LIMIT})
    panels = [panel for page in pages for panel in page.panels]
    assert [panel.title for panel in panels[:2]] == ["ID 1, urine", "ID 1, plasma"] and len(panels) == 6
    assert [len(layers(panel, Rule, "limit")) for panel in panels[:2]] == [0, 1]


def test_strip_tells_the_objective():
    own = replaced(made.observations(2), OFV=np.repeat([3.44, np.nan], len(made.TIMES)), DVID=np.full(18, "y"))
    [page] = individual_fits(own, made.curves(2))
    assert [panel.title for panel in page.panels] == ["ID 1 (OFV 3.4)", "ID 2"]


def test_censored_values_are_bars_over_where_they_may_lie():
    own = Table(
        {
            "ID": ["1"] * 4,
            "TIME": [1.0, 2.0, 3.0, 4.0],
            "DV": [5.0, 9.0, 3.0, 1.0],
            "CENSORED": np.array(["", "right", "between", "left"], dtype=object),
            "LOW": [np.nan, 9.0, 2.0, np.nan],
            "HIGH": [np.nan, np.nan, 4.0, 1.0],
        }
    )
    lines = Table({"ID": ["1", "1"], "TIME": [0.0, 5.0], "PRED": [12.0, 1.0], "IPRED": [11.0, 1.0]})
    [bars] = layers(individual_fits(own, lines)[0].panels[0], Whiskers)
    assert bars.place.tolist() == [2.0, 3.0, 4.0] and bars.vertical
    # a value above a limit may be as high as the panel is, one below may be zero
    assert bars.low.tolist() == [9.0, 2.0, 0.0] and bars.high.tolist() == [12.0, 4.0, 1.0]
    panel = individual_fits(own, lines, log=True)[0].panels[0]
    assert np.all(layers(panel, Whiskers)[0].low > 0) and panel.y_range[0] > 0


def test_log_curves_end_a_decade_below_the_data():
    own = Table({"ID": ["1"], "TIME": [1.0], "DV": [2.0]})
    lines = Table({"ID": ["1"] * 3, "TIME": [0.0, 1.0, 90.0], "PRED": [0.0, 2.0, 1e-9], "IPRED": [0.0, 2.5, 1e-9]})
    panel = individual_fits(own, lines, log=True)[0].panels[0]
    assert panel.y_range[0] == pytest.approx(0.2 * 0.8)
    assert len(layers(panel, Lines, "pred")[0].x) == 2


def test_residuals_have_symmetric_limits_and_flag_what_is_far_out():
    own = made.observations()
    picture = residuals_against(own)
    [panel] = picture.panels
    low, high = panel.y_range
    assert low == -high and high > np.max(np.abs(own["CWRES"]))
    assert sorted(rule.at for rule in layers(panel, Rule)) == pytest.approx([-1.959964, 0.0, 1.959964], abs=1e-6)
    [told] = layers(panel, Texts)
    assert told.words == picture.data["flagged"]["ID"].tolist() == [own["ID"][11]]
    assert drawn_points(panel) == own.n_rows
    absolute = absolute_residuals(own).panels[0]
    assert absolute.y_range[0] == 0.0 and not layers(absolute, Rule)
    assert np.all(layers(absolute, Points)[0].y >= 0)


def test_bars_have_unit_area():
    random = np.random.default_rng(1)
    for values in (random.normal(size=500), np.full(9, 2.5), random.exponential(size=3), random.standard_cauchy(4000)):
        bars = histogram(values)
        assert np.sum((bars.right - bars.left) * bars.height) == pytest.approx(1.0)
        assert 8 <= len(bars.left) <= 40
    [panel] = residual_distribution(made.observations()).panels
    assert len(layers(panel, Ticks)[0].x) == made.observations().n_rows
    assert len(layers(panel, Bars)[0].left) == residual_distribution(made.observations()).data["bars"].n_rows


def test_density_is_one_in_all_and_follows_its_values():
    values = np.random.default_rng(2).normal(3.0, 2.0, 4000)
    at, height = kernel_density(values)
    step = at[1] - at[0]
    assert np.sum(height) * step == pytest.approx(1.0, abs=2e-3)  # three bandwidths hold all but that of the outermost kernels
    exact = np.exp(-0.5 * ((at - 3) / 2) ** 2) / (2 * math.sqrt(2 * math.pi))
    assert np.max(np.abs(height - exact)) < 0.02  # noise of a kernel estimate of 4000 values, a tenth of the peak
    assert [len(part) for part in kernel_density(np.full(5, 1.0))] == [0, 0]


def test_envelope_is_that_of_order_statistics():
    z, sd = normal_quantiles(100)
    drawn = np.sort(np.random.default_rng(3).normal(size=(4000, 100)), axis=1)
    inside = np.mean(np.abs(drawn - z) <= 1.96 * sd, axis=0)
    # the normal approximation is good in the middle and keeps to a few percent in the tails
    assert np.max(np.abs(inside[10:90] - 0.95)) < 0.02
    assert np.min(inside) > 0.88
    assert z[-1] == pytest.approx(NormalDist().inv_cdf(0.995))


def test_quantiles_are_ordered_with_their_subjects():
    own = made.observations()
    picture = residual_quantiles(own)
    [panel] = picture.panels
    table = picture.data["quantiles"]
    assert np.array_equal(table["OBSERVED"], np.sort(own["CWRES"]))
    assert table["ID"][-1] == own["ID"][np.argmax(own["CWRES"])]
    assert layers(panel, Rule)[0].kind == "identity" and len(layers(panel, Band)) == 1


def test_smooth_over_a_few_places_has_no_leaps():
    # values at five places: the nearest three quarters of them change all at once between places
    random = np.random.default_rng(4)
    own = Table({"TIME": np.repeat([0.4, 2.0, 4.0, 5.5, 6.5], 20), "CWRES": random.normal(0, 1, 100)})
    [line] = layers(residuals_against(own).panels[0], Lines, "smooth")
    assert np.max(np.abs(np.diff(line.y))) < 0.05  # 80 steps over a line that stays within +-1


def test_classic_panel_has_its_four():
    picture = gof_panel(made.observations())
    assert [(panel.x_label.split()[0], panel.y_label.split()[0]) for panel in picture.panels] == [
        ("PRED", "DV"),
        ("IPRED", "DV"),
        ("IPRED", "|IWRES|"),
        ("TIME", "CWRES"),
    ]
    assert picture.columns == 2


def test_spaghetti_joins_each_subject_in_time():
    own = made.observations()
    mixed = Table({name: values[::-1] for name, values in own.items()})
    [panel] = spaghetti(mixed, log=True).panels
    [lines] = layers(panel, Lines, "subject")
    for one in ("1", "17"):
        assert np.array_equal(lines.x[lines.group == one], made.TIMES)
    assert panel.y_log and not panel.x_log
    [median] = layers(panel, Lines, "median")  # all subjects were observed at the same times
    assert np.allclose(median.y, [np.median(own["DV"][own["TIME"] == one]) for one in made.TIMES])
    scattered = replaced(own, TIME=own["TIME"] + np.linspace(0, 0.2, own.n_rows))
    [panel] = spaghetti(scattered, log=True).panels
    assert not layers(panel, Lines, "median") and np.all(layers(panel, Lines, "smooth")[0].y > 0)
    assert [panel.title for panel in spaghetti(own, "TAD", by="SEX").panels] == ["SEX: F", "SEX: M"]


def test_no_rows_is_still_a_picture():
    nothing = Table({name: values[:0] for name, values in made.observations().items()})
    pictures = [observed_predicted(nothing), residuals_against(nothing), absolute_residuals(nothing), residual_distribution(nothing)]
    pictures += [residual_quantiles(nothing), gof_panel(nothing), spaghetti(nothing), *individual_fits(nothing, made.curves())]
    assert all(picture.panels for picture in pictures)
