"""What pictures of predictive checks hold: the intervals, percentiles and limits that went in, by stratum."""

import numpy as np
import picture_tables as made
import pytest

from popmix.errors import OptionError
from popmix.plot.checks import category_vpc, kaplan_meier, npc_picture, npde_panel, survival_vpc, vpc_picture
from popmix.plot.layers import Band, Lines, Points, Rule, Ticks
from popmix.table import Table


def layers(panel, kind, style=None):
    return [layer for layer in panel.layers if isinstance(layer, kind) and style in (None, layer.style)]


def test_check_has_a_band_and_a_line_for_each_percentile():
    bins = made.bins()
    picture = vpc_picture(bins, made.vpc_points(), limit=made.LIMIT)
    [panel] = picture.panels
    assert [band.style for band in layers(panel, Band)] == ["band_outer", "band_median", "band_outer"]
    for band, level in zip(layers(panel, Band), (5, 50, 95), strict=True):
        assert np.array_equal(band.low, bins["LOW"][bins["PERCENTILE"] == level])
        assert np.array_equal(band.x, made.TIMES)
    assert [line.style for line in layers(panel, Lines)] == ["observed_outer", "observed_median", "observed_outer"]
    assert [len(line.x) for line in layers(panel, Lines)] == [8, 9, 9]  # the lowest percentile of the last bin is not known
    assert layers(panel, Rule, "limit")[0].at == made.LIMIT
    assert layers(panel, Ticks)[0].upper and len(layers(panel, Ticks)[0].x) == 10
    assert len(layers(panel, Points)[0].x) == made.vpc_points().n_rows
    assert picture.data["bins"] is bins


def test_rectangles_reach_over_their_bins():
    [panel] = vpc_picture(made.bins(), made.vpc_points(), ribbon=False).panels
    band = layers(panel, Band)[0]
    assert np.array_equal(band.x[:4], [0.0, 0.4, 0.4, 0.8]) and band.low[0] == band.low[1] != band.low[2]
    # a gap between bins is no interval
    bins = made.bins()
    kept = bins["BIN"] != 4
    [panel] = vpc_picture(Table({name: values[kept] for name, values in bins.items()}), made.vpc_points(), ribbon=False).panels
    assert len(layers(panel, Band)) == 6


def test_gaps_of_percentiles_stay_gaps():
    bins = made.bins()
    observed = bins["OBSERVED"].copy()
    observed[12] = np.nan  # in the middle of the median
    [panel] = vpc_picture(Table({**dict(bins), "OBSERVED": observed}), made.vpc_points()).panels
    [line] = layers(panel, Lines, "observed_median")
    assert len(line.x) == 8 and len(set(line.group.tolist())) == 2


def test_strata_have_panels_with_their_own_points():
    strata = ("fed", "fasted")
    picture = vpc_picture(made.bins(strata), made.vpc_points(strata), below=made.below(strata), corrected=True)
    assert [panel.title for panel in picture.panels] == ["fed", "fasted", "fed", "fasted"] and picture.columns == 2
    assert sum(len(layers(panel, Points)[0].x) for panel in picture.panels[:2]) == made.vpc_points().n_rows
    assert picture.panels[0].y_label == "prediction-corrected DV" and picture.name == "pcvpc"
    for main, lower in zip(picture.panels[:2], picture.panels[2:], strict=True):
        assert main.x_range == lower.x_range and lower.y_range[0] <= 0 and lower.y_range[1] >= 1
    many = tuple("abcd")
    beside = vpc_picture(made.bins(many), made.vpc_points(many), below=made.below(many))
    assert beside.columns == 2 and [panel.title for panel in beside.panels[:4]] == ["a", "a", "b", "b"]
    with pytest.raises(OptionError, match="STRATUM"):
        vpc_picture(made.bins(strata), Table({"X": [1.0], "DV": [1.0]}))


def test_logarithmic_check_keeps_intervals_that_reach_zero():
    bins = made.bins()
    low = np.where(bins["BIN"] == 8, 0.0, bins["LOW"])
    [panel] = vpc_picture(Table({**dict(bins), "LOW": low}), made.vpc_points(), log=True).panels
    assert all(np.all(band.low > 0) and len(band.x) == 9 for band in layers(panel, Band))


def test_single_bin_is_drawn_over_its_width():
    bins = made.bins()
    kept = bins["BIN"] == 3
    [panel] = vpc_picture(Table({name: values[kept] for name, values in bins.items()}), made.vpc_points()).panels
    assert layers(panel, Band)[0].x.tolist() == layers(panel, Lines)[0].x.tolist() == [1.5, 3.0]


def test_categories_have_a_panel_each():
    picture = category_vpc(made.categories())
    assert [panel.title for panel in picture.panels] == ["0", "1", "2"]
    assert all(len(layers(panel, Band)[0].x) == len(made.TIMES) for panel in picture.panels)


def test_survival_is_drawn_in_steps_over_its_simulations():
    observed, simulated = made.survival()
    [panel] = survival_vpc(observed, simulated).panels
    assert layers(panel, Band)[0].steps and all(line.steps for line in layers(panel, Lines))
    assert layers(panel, Points, "censored")[0].x.tolist() == [9.0, 25.0]
    assert len(layers(panel, Lines, "dashed")) == 2
    [alone] = kaplan_meier(observed).panels
    assert not layers(alone, Band) and len(layers(alone, Lines, "observed_median")[0].x) == 7


def test_coverage_flags_what_lies_outside():
    picture = npc_picture(made.coverage())
    assert [panel.title for panel in picture.panels] == ["below", "above"]
    outside = [layers(panel, Points, "flagged")[0].x.tolist() for panel in picture.panels]
    assert outside == [[90.0], []]
    assert picture.data["ratios_below"]["RATIO"][0] == pytest.approx(1.08)


def test_npde_panel_has_bands_where_told():
    own = made.observations()
    plain = npde_panel(own)
    assert len(plain.panels) == 6 and plain.columns == 3
    without = Table({name: own[name] for name in own if name != "TAD"})
    banded = npde_panel(without, made.residual_bands())
    assert len(banded.panels) == 5
    assert [len(layers(panel, Band)) for panel in banded.panels] == [3, 3, 1, 0, 1]
    assert not layers(banded.panels[0], Lines, "smooth") and layers(plain.panels[0], Lines, "smooth")
    cumulative = layers(banded.panels[-1], Lines, "line")[0]
    assert cumulative.steps and cumulative.y[-1] == 1.0 and np.all(np.diff(cumulative.y) >= 0)


def test_missing_columns_are_named():
    with pytest.raises(OptionError, match=r"bins has no column 'LEFT'"):
        vpc_picture(made.below(), made.vpc_points())
    with pytest.raises(OptionError, match="'SIDE'"):
        npc_picture(made.bins())
    with pytest.raises(OptionError, match="'CATEGORY'"):
        category_vpc(made.below())
    with pytest.raises(OptionError, match="simulated has no column 'LOW'"):
        survival_vpc(made.survival()[0], Table({"TIME": [1.0]}))
