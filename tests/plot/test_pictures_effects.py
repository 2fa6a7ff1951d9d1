"""What pictures of effects, uncertainty, subjects and exposure hold."""

import numpy as np
import picture_tables as made
import pytest

from popmix.errors import OptionError
from popmix.plot.effects import between_share, effect_distributions, effect_pairs, effects_against_covariates, jitter
from popmix.plot.exposure import exposure_bands
from popmix.plot.layers import Band, Bars, Boxes, Lines, Points, Rule, Shade, Texts, Ticks, Whiskers
from popmix.plot.subjects import influence_picture, objective_by_subject, objectives_picture
from popmix.plot.uncertainty import forest, objective_quantiles, parameter_densities, profile_curves
from popmix.table import Table

SDS, SHRINKAGE = {"eta_CL": 0.3, "eta_V": 0.25}, {"eta_CL": 12.4}


def layers(panel, kind, style=None):
    return [layer for layer in panel.layers if isinstance(layer, kind) and style in (None, layer.style)]


def test_distributions_stand_beside_the_assumed_one():
    picture = effect_distributions(made.effects(), SDS, SHRINKAGE, made.samples())
    assert [panel.title for panel in picture.panels] == ["eta_CL (shrinkage 12 %)", "eta_V"]
    for panel, sd in zip(picture.panels, SDS.values(), strict=True):
        assert len(layers(panel, Bars)[0].left) == 10
        curve = layers(panel, Lines, "normal")[0]
        assert np.max(curve.y) == pytest.approx(1 / (sd * np.sqrt(2 * np.pi)))
        assert len(layers(panel, Lines, "second")) == 1 and len(layers(panel, Ticks)[0].x) == 24
        assert panel.x_range[0] == -panel.x_range[1]
    with pytest.raises(OptionError, match="SD of 'eta_V' is missing"):
        effect_distributions(made.effects(), {"eta_CL": 1.0}, {})


def test_covariates_are_clouds_or_boxes_by_their_kind():
    picture = effects_against_covariates(made.effects(), made.covariates())
    assert len(picture.panels) == 6 and picture.columns == 3
    kinds = [bool(layers(panel, Boxes)) for panel in picture.panels]
    assert kinds == [False, True, True] * 2  # weight is a number; sex is words and stage three numbers
    assert all(layers(panel, Rule, "zero") for panel in picture.panels)
    weight = picture.panels[3]
    expected = np.corrcoef(made.covariates()["WT"], made.effects()["eta_V"])[0, 1]
    assert weight.title == f"eta_V: r {expected:.2f}" and weight.x_label == "WT [kg]"
    boxes = layers(picture.panels[1], Boxes)[0]
    assert sum(len(values) for values in boxes.values) == 24 and picture.panels[1].x_names == {0.0: "F", 1.0: "M"}
    assert len(effects_against_covariates(made.effects(), made.covariates(), names=["WT"]).panels) == 2


def test_samples_are_a_second_set_with_their_own_strength():
    picture = effects_against_covariates(made.effects(), made.covariates(), made.samples(), names=["WT", "SEX"])
    table = picture.data["association"]
    assert set(table["OF"]) == {"EBE", "samples"} and table.n_rows == 8
    weight, sex = picture.panels[:2]
    assert [layer.style for layer in layers(weight, Points)] == ["samples", "first"]  # samples lie behind
    assert [layer.style for layer in layers(weight, Lines)] == ["second", "first"]
    assert [box.place[:2].tolist() for box in layers(sex, Boxes)] == [[0.22, 1.22], [-0.22, 0.78]]
    # boxes know the places of the other set, so that they don't lie over each other
    assert all(np.min(np.diff(np.sort(box.place))) == pytest.approx(0.44) for box in layers(sex, Boxes))
    assert [sum(len(values) for values in box.values) for box in layers(sex, Boxes)] == [480, 24]
    assert "samples" in weight.title


def test_strength_between_groups_is_its_share_of_variance():
    assert between_share([np.array([1.0, 1.0]), np.array([3.0, 3.0])]) == pytest.approx(1.0)
    assert between_share([np.array([1.0, 3.0]), np.array([3.0, 1.0])]) == pytest.approx(0.0)
    assert np.isnan(between_share([np.array([2.0, 2.0, 2.0])]))


def test_jitter_is_always_alike_and_fills_its_width():
    offsets = jitter(200)
    assert np.array_equal(offsets, jitter(200)) and np.max(np.abs(offsets)) <= 0.12
    assert np.ptp(offsets) > 0.23 and abs(np.mean(offsets)) < 0.005  # evenly spread over a width of 0.24


def test_subjects_without_a_covariate_are_left_out():
    weight = made.covariates()["WT"].copy()
    weight[:5] = np.nan
    covariates = Table({"ID": made.covariates()["ID"], "WT": weight})
    panel = effects_against_covariates(made.effects(), covariates).panels[0]
    assert len(layers(panel, Points)[0].x) == 19


def test_pairs_are_a_matrix():
    picture = effect_pairs(made.effects(), made.samples())
    assert picture.columns == 2 and len(picture.panels) == 4
    diagonal, upper, lower, _ = picture.panels
    assert layers(diagonal, Bars) and len(layers(lower, Points, "first")[0].x) == 24
    own = made.effects()
    assert f"{np.corrcoef(own['eta_CL'], own['eta_V'])[0, 1]:.2f}" in layers(upper, Texts)[0].words[0]
    with pytest.raises(OptionError, match="only 'eta_CL'"):
        effect_pairs(Table({"ID": [1], "eta_CL": [0.1]}))


def test_forest_has_a_line_for_each_row_and_group():
    picture = forest(made.forest_rows())
    [panel] = picture.panels
    assert list(panel.y_names.values()) == ["weight:", "50 kg", "90 kg", "renal impairment:", "moderate", "severe"]
    estimates = layers(panel, Points)[0]
    assert [panel.y_names[place] for place in estimates.y] == made.forest_rows()["NAME"].tolist()
    assert (layers(panel, Shade)[0].low, layers(panel, Shade)[0].high) == (0.8, 1.25) and layers(panel, Rule)[0].at == 1.0
    assert layers(panel, Texts)[0].words[0] == "0.81 [0.75, 0.88]" and len(layers(panel, Whiskers)[0].place) == 4
    low, high = panel.y_range
    assert np.allclose(low + layers(panel, Texts)[0].y * (high - low), estimates.y)
    assert panel.x_names[1.0] == "1" and min(panel.x_names) >= panel.x_range[0]
    with pytest.raises(OptionError, match="positive"):
        forest(Table({"NAME": ["a"], "ESTIMATE": [-1.0], "LOWER": [-2.0], "UPPER": [0.0]}))
    assert (
        layers(
            forest(Table({"NAME": ["a"], "ESTIMATE": [-1.0], "LOWER": [-2.0], "UPPER": [0.0]}), log=False, reference=None).panels[0], Rule
        )[0].at
        == 0
    )


def test_densities_mark_estimate_and_interval():
    picture = parameter_densities(made.draws(), {"CL": 1.6}, {"CL": (1.3, 2.0)})
    assert [panel.title for panel in picture.panels] == ["CL [L/h]", "V", "ka"]
    assert layers(picture.panels[0], Rule, "estimate")[0].at == 1.6
    assert [rule.at for rule in layers(picture.panels[0], Rule, "dashed")] == [1.3, 2.0]
    assert not layers(picture.panels[1], Rule)


def test_objective_differences_stand_beside_their_quantiles():
    picture = objective_quantiles([5.0, 1.0, np.nan, 3.0], [0.5, 1.5, 3.0, 6.0], 2)
    table = picture.data["quantiles"]
    assert table["DIFFERENCE"].tolist() == [1.0, 3.0, 5.0] and np.all(np.diff(table["EXPECTED"]) > 0)
    with pytest.raises(OptionError, match="2 differences and 1 quantiles"):
        objective_quantiles([1.0, 2.0], [1.0], 2)


def test_profiles_have_their_level_and_parabola():
    intervals = Table({"NAME": ["CL"], "LOWER": [1.4], "UPPER": [1.8]})
    first, second = profile_curves(made.profiles(), intervals).panels
    assert layers(first, Rule, "limit")[0].at == 3.84
    assert [rule.at for rule in layers(first, Rule, "dashed")] == [1.4, 1.8] and not layers(second, Rule, "dashed")
    assert len(layers(first, Lines)) == 2


def test_largest_differences_are_told():
    own = made.objectives()
    picture = objectives_picture(own, first="run 1", second="run 2")
    difference = np.abs(own["B"] - own["A"])
    assert set(picture.data["largest"]["ID"]) == {str(one) for one in own["ID"][np.argsort(-difference)[:10]]}
    assert layers(picture.panels[0], Rule)[0].kind == "identity" and len(layers(picture.panels[1], Bars)[0].left) == 10
    assert picture.panels[1].y_label == "run 2 - run 1"


def test_subjects_are_ordered_by_their_objective():
    few = objective_by_subject(Table({"ID": [1, 2, 3], "OFV": [2.0, 9.0, np.nan]}))
    assert few.data["individuals"]["ID"].tolist() == [2, 1] and few.panels[0].x_names == {0.0: "2", 1.0: "1"}
    value = np.linspace(1, 2, 60)
    value[17] = 30.0
    many = objective_by_subject(Table({"ID": np.arange(60), "OFV": value}))
    assert layers(many.panels[0], Texts)[0].words == ["17"]


def test_influential_subjects_are_named():
    picture = influence_picture(made.influence())
    assert "9" in layers(picture.panels[0], Texts)[0].words
    assert 9 in picture.data["extreme"]["ID"] and sum(len(layer.x) for layer in layers(picture.panels[0], Points)) == 30


def test_exposure_has_bands_from_wide_to_narrow():
    doses = Table({"TIME": [0.0, 12.0, 0.0], "GROUP": ["100 mg", "100 mg", "180 mg"]})
    picture = exposure_bands(made.exposure(), targets={"100 mg": (3.0, 6.0), "180 mg": 5.0}, doses=doses, log=True)
    first, second = picture.panels
    assert [band.style for band in layers(first, Band)] == ["band_outer", "band_median"]
    assert layers(first, Shade)[0].high == 6.0 and layers(second, Rule, "limit")[0].at == 5.0
    assert layers(first, Ticks)[0].x.tolist() == [0.0, 12.0] and layers(second, Ticks)[0].x.tolist() == [0.0]
    assert all(np.all(band.low > 0) for band in layers(first, Band))  # nothing has been absorbed at time 0
    assert first.y_range == second.y_range
    with pytest.raises(OptionError, match="lower end first"):
        exposure_bands(made.exposure(), targets=(6.0, 3.0))
    with pytest.raises(OptionError, match="no band"):
        exposure_bands(Table({"TIME": [0.0], "MEDIAN": [1.0]}))


def test_missing_columns_are_named():
    with pytest.raises(OptionError, match="'ID'"):
        effect_pairs(Table({"eta_CL": [1.0], "eta_V": [1.0]}))
    with pytest.raises(OptionError, match="'LOWER'"):
        forest(Table({"NAME": ["a"], "ESTIMATE": [1.0]}))
    with pytest.raises(OptionError, match="'COOK'"):
        influence_picture(made.objectives())
    with pytest.raises(OptionError, match="'DELTA_OFV'"):
        profile_curves(Table({"NAME": ["a"], "VALUE": [1.0]}))
