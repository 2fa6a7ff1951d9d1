"""One specification, two drawings: the same marks, limits and words in matplotlib and in plotly."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from popmix.errors import OptionError
from popmix.plot.layers import Band, Bars, Boxes, Lines, Panel, Points, Rule, Shade, Texts, Ticks, Whiskers
from popmix.plot.picture import Picture
from popmix.plot.style import STYLES, style_of
from popmix.table import Table

X = np.array([1.0, 2.0, 3.0, np.nan])
Y = np.array([2.0, 4.0, 8.0, 1.0])
KEY = np.array(["a", "b", "c", "d"], dtype=object)


def picture(*layers, **options):
    return Picture(
        "one", [Panel(layers, "strip", "TIME [h]", "DV", **options)], "Title", "Subtitle", "file.csv", data={"points": Table({"x": X})}
    )


def test_points_that_are_known_are_drawn_in_both():
    made = picture(Points(X, Y, "points", KEY, "observed"))
    axes = made.to_matplotlib().axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1.0, 2.0, 3.0]
    trace = made.document()["data"][0]
    assert trace["x"] == [1.0, 2.0, 3.0] and trace["customdata"] == ["a", "b", "c"] and trace["name"] == "observed"
    assert "ID %{customdata}" in trace["hovertemplate"]


def test_words_stand_in_both():
    made = picture(Points(X, Y))
    figure, layout = made.to_matplotlib(), made.document()["layout"]
    assert [text.get_text() for text in figure.texts] == ["Title", "Subtitle", "file.csv"]
    assert figure.axes[0].get_title() == "strip" and figure.axes[0].get_xlabel() == "TIME [h]"
    assert "Title" in layout["title"]["text"] and "Subtitle" in layout["title"]["text"]
    assert {"strip", "file.csv"} <= {one["text"] for one in layout["annotations"]} and layout["xaxis"]["title"]["text"] == "TIME [h]"


def test_a_square_panel_has_the_same_limits_on_both_axes():
    made = picture(Points(X, Y), Rule("identity", style="identity"), square=True)
    axes, layout = made.to_matplotlib().axes[0], made.document()["layout"]
    assert axes.get_xlim() == axes.get_ylim() and axes.get_xlim()[0] < 1 and axes.get_xlim()[1] > 8
    assert layout["xaxis"]["range"] == layout["yaxis"]["range"]
    (line,) = [one for one in layout["shapes"] if one["type"] == "line"]
    assert line["x0"] == line["y0"] and line["x1"] == line["y1"]


def test_logarithmic_axes_leave_out_what_has_no_logarithm():
    made = picture(Points(np.array([0.0, 1.0, 10.0]), np.array([-1.0, 2.0, 4.0])), x_log=True, y_log=True)
    axes, layout = made.to_matplotlib().axes[0], made.document()["layout"]
    assert axes.get_xscale() == axes.get_yscale() == "log" and axes.get_xlim()[0] > 0
    assert layout["xaxis"]["type"] == "log" and layout["xaxis"]["range"][0] == pytest.approx(np.log10(axes.get_xlim()[0]), abs=1e-4)


def test_lines_are_parted_by_their_group():
    made = picture(Lines(np.arange(6.0), np.arange(6.0), "subject", np.array([1, 1, 1, 2, 2, 2])))
    assert len(made.to_matplotlib().axes[0].lines) == 2
    assert made.document()["data"][0]["x"] == [0.0, 1.0, 2.0, None, 3.0, 4.0, 5.0]


def test_every_layer_is_drawn_in_both():
    some = np.array([1.0, 2.0, 3.0])
    layers = [
        Shade(1.0, 2.0, label="shade"),
        Band(some, some, some + 1, label="band"),
        Band(some, some, some + 1, steps=True),
        Bars(some, some + 0.5, some),
        Boxes(some, [some, some + 1, np.array([np.nan])]),
        Whiskers(some, some, some + 1),
        Whiskers(some, some, some + 1, vertical=True),
        Lines(some, some, steps=True, label="line"),
        Points(some, some, "censored"),
        Rule("horizontal", 1.0, "limit", label="limit"),
        Rule("vertical", 1.0),
        Ticks(some, "dose"),
        Ticks(some, upper=True),
        Texts(some, some, ["<a>", "b", "c"]),
        Texts(np.array([0.5]), np.array([0.9]), ["inside"], inside=True),
    ]
    made = picture(*layers, x_names={1.0: "one", 2.0: "a longer name"}, y_names={2.0: "two"})
    figure = made.to_matplotlib()
    figure.canvas.draw()
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"shade", "band", "line", "limit"}
    document = made.document()
    go.Figure(document)
    json.dumps(document, allow_nan=False)
    assert "&lt;a&gt;" in {one["text"] for one in document["layout"]["annotations"]}
    assert sum(bool(trace.get("showlegend")) for trace in document["data"]) == 4


def test_a_panel_without_data_says_so():
    made = picture(Points(np.array([np.nan]), np.array([1.0])), Rule("horizontal"))
    assert "no data" in [text.get_text() for text in made.to_matplotlib().axes[0].texts]
    assert "no data" in [one["text"] for one in made.document()["layout"]["annotations"]]


def test_panels_stand_in_rows():
    made = Picture("many", [Panel([Points(X, Y)])] * 5, columns=2)
    assert len(made.to_matplotlib().axes) == 5
    layout = made.document()["layout"]
    domains = [(tuple(layout[f"xaxis{k or ''}"]["domain"]), tuple(layout[f"yaxis{k or ''}"]["domain"])) for k in ("", 2, 3, 4, 5)]
    assert domains[0][0] == domains[2][0] == domains[4][0] and domains[0][1] == domains[1][1]
    assert domains[0][1][0] > domains[2][1][1] > domains[4][1][0] >= 0


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "html"])
def test_a_picture_is_written(suffix, tmp_path):
    target = picture(Points(X, Y)).save(tmp_path / f"p.{suffix}")
    head = target.read_bytes()[:3000]
    assert {"png": b"PNG", "pdf": b"%PDF", "svg": b"<svg", "html": b"<html"}[suffix] in head


def test_an_unknown_suffix_and_an_unknown_style_are_refused(tmp_path):
    with pytest.raises(OptionError, match="png, pdf, svg or html"):
        picture().save(tmp_path / "p.xls")
    with pytest.raises(OptionError, match="there is no style 'pink'; there are points"):
        style_of("pink")


def test_styles_are_colours_that_both_can_read():
    assert all(len(one.colour) == 7 and one.colour.startswith("#") for one in STYLES.values())


def test_a_picture_holds_its_data_and_shows_itself():
    made = picture(Points(X, Y))
    assert made.data["points"].n_rows == 4 and "points (4 rows)" in repr(made)
    assert made._repr_png_()[:4] == b"\x89PNG"
    assert made.titled("Other").title == "Other" and made.titled("Other").data is made.data
