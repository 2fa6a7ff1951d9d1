"""Pictures of subjects: their data, their part in the objective, their influence on the estimates."""

from __future__ import annotations

import numpy as np

from popmix.plot.layers import Bars, Layer, Lines, Panel, Points, Rule, Texts
from popmix.plot.parts import axis, by_value, chosen, column, columns_for, drawn, finite, keys, marks, numbers, picked, smoothed, words
from popmix.plot.picture import Picture
from popmix.table import Table

_MOST_TIMES, _FEWEST_SHARED = 30, 4  # times that count as shared: few, and each with several values
_TOLD = 10  # subjects named in a picture
_NAMED_ALL = 30  # so many subjects still have room for their names on an axis
_EXTREME = 3.5  # robust z: distance from the median over 1.4826 median absolute deviations (Iglewicz and Hoaglin, 1993)


def spaghetti(observations: Table, against: str = "TIME", *, by: str | None = None, log: bool = False) -> Picture:
    """Draw the data: a line and points for each subject, with the medians on top where times are shared, otherwise a loess.

    `observations`: ID, DV and the column `against` (TIME, TAD), perhaps CENSORED; `by`: a panel for each value of this column; `log`:
    logarithmic DV (the loess then follows its logarithm). Raises OptionError for missing columns.
    """
    what = "observations"
    column(observations, "ID", what)
    panels = []
    for title, rows in by_value(observations, by, what):
        own = finite(rows, against, "DV", what=what)
        own = chosen(own, numbers(own, "DV") > 0) if log else own
        own = chosen(own, np.argsort(numbers(own, against), kind="stable"))
        x, y = numbers(own, against), numbers(own, "DV")
        layers: list[Layer] = [Lines(x, y, "subject", keys(own)), *marks(x, y, own), *_trend(x, y, log)]
        panels.append(Panel(layers, title, axis(own, against), axis(own, "DV"), y_log=log))
    points = picked(finite(observations, against, "DV", what=what), ["ID", against, "DV", "CENSORED", by or "ID"])
    return Picture(
        f"dv_{against.lower()}",
        panels,
        f"DV vs. {against}",
        columns=columns_for(len(panels)),
        panel_size=(4.8, 3.4) if len(panels) == 1 else (3.4, 2.7),
        data={"points": points, "median": drawn(panels, "median"), "smooth": drawn(panels, "smooth")},
    )


def _trend(x: np.ndarray, y: np.ndarray, log: bool) -> list[Layer]:
    """Return the median at every shared time; where subjects were observed at times of their own, a loess (of the logarithm)."""
    at, counts = np.unique(x, return_counts=True)
    if len(at) and len(at) <= _MOST_TIMES and np.median(counts) >= _FEWEST_SHARED:
        shared = at[counts >= _FEWEST_SHARED]
        return [Lines(shared, np.array([np.median(y[x == one]) for one in shared]), "median", label="median")]
    # the usual span bends a line too little to follow a rise and a fall
    found = smoothed(x, np.log(y) if log else y, span=0.4)
    return [Lines(line.x, np.exp(line.y), line.style) for line in found] if log else found


def objectives_picture(table: Table, *, first: str = "A", second: str = "B") -> Picture:
    """Draw the objective of every subject in two runs against each other, and the subjects that tell them apart most.

    `table`: ID, A, B (objective by subject in either run); `first`, `second`: names of the runs. The bars are B - A of the ten subjects
    with the largest difference. Raises OptionError for missing columns.
    """
    own = finite(table, "A", "B")
    who, a, b = words(own, "ID"), numbers(own, "A"), numbers(own, "B")
    difference = b - a
    largest = np.argsort(-np.abs(difference), kind="stable")[:_TOLD]
    scatter: list[Layer] = [Rule("identity", style="identity"), Points(a, b, "points", who)]
    place = np.arange(len(largest), dtype=float)
    bars: list[Layer] = [Bars(place - 0.4, place + 0.4, difference[largest], "bars"), Rule("horizontal", 0.0, "zero")]
    names = {float(one): who[row] for one, row in zip(place, largest, strict=True)}
    panels = [
        Panel(scatter if len(a) else [], "", f"OFV of subject, {first}", f"OFV of subject, {second}", square=True),
        Panel(bars if len(a) else [], "largest differences", "ID", f"{second} - {first}", x_names=names),
    ]
    differences = Table({"ID": who[largest], "DIFFERENCE": difference[largest]})
    data = {"objectives": table, "largest": differences}
    return Picture("objectives", panels, "Objective by subject in two runs", columns=2, panel_size=(3.8, 3.6), data=data)


def objective_by_subject(individuals: Table) -> Picture:
    """Draw the part of every subject in the objective, largest first.

    `individuals`: ID, OFV. Raises OptionError for missing columns.
    """
    own = finite(individuals, "OFV", what="individuals")
    own = chosen(own, np.argsort(-numbers(own, "OFV"), kind="stable"))
    who, value = words(own, "ID", "individuals"), numbers(own, "OFV")
    place = np.arange(len(value), dtype=float)
    names = None
    layers: list[Layer] = [Rule("horizontal", 0.0, "zero")]
    if len(value) <= _NAMED_ALL:
        layers.append(Bars(place - 0.4, place + 0.4, value, "bars"))
        names = {float(one): name for one, name in zip(place, who, strict=True)}
    else:
        layers.append(Points(place, value, "points", who))
        told = _outstanding(value)
        layers.append(Texts(place[told], value[told], who[told].tolist()))
    panel = Panel(layers if len(value) else [], "", "ID" if names else "subjects by rank", "OFV of subject", x_names=names)
    return Picture(
        "objective_by_subject", [panel], "Objective by subject", panel_size=(6.0, 3.2), data={"individuals": picked(own, ["ID", "OFV"])}
    )


def influence_picture(table: Table) -> Picture:
    """Draw how far the estimates move without each subject (Cook score) against what becomes of their covariance, extreme ones named.

    `table`: ID, COOK, COVARIANCE_RATIO. Extreme is a robust z (distance from the median over 1.4826 median absolute deviations) beyond
    3.5 in either; at most ten are named. Raises OptionError for missing columns.
    """
    own = finite(table, "COOK", "COVARIANCE_RATIO")
    who, cook, ratio = words(own, "ID"), numbers(own, "COOK"), numbers(own, "COVARIANCE_RATIO")
    strength = np.maximum(_robust(cook), np.abs(_robust(ratio)))
    extreme = np.flatnonzero(strength > _EXTREME)
    extreme = extreme[np.argsort(-strength[extreme], kind="stable")][:_TOLD]
    plain = np.setdiff1d(np.arange(len(cook)), extreme)
    layers: list[Layer] = [
        Rule("horizontal", 1.0, "zero"),
        Points(cook[plain], ratio[plain], "points", who[plain]),
        Points(cook[extreme], ratio[extreme], "flagged", who[extreme]),
        Texts(cook[extreme], ratio[extreme], who[extreme].tolist()),
    ]
    panel = Panel(layers if len(cook) else [], "", "Cook score", "covariance ratio")
    data = {"influence": table, "extreme": chosen(own, extreme)}
    return Picture("influence", [panel], "Influence of subjects", panel_size=(4.8, 3.8), data=data)


def _robust(values: np.ndarray) -> np.ndarray:
    """Return distances from the median over 1.4826 median absolute deviations, zeros where those are zero."""
    if len(values) == 0:
        return values
    distance = values - np.median(values)
    spread = 1.4826 * float(np.median(np.abs(distance)))
    return distance / spread if spread > 0 else np.zeros(len(values))


def _outstanding(values: np.ndarray) -> np.ndarray:
    """Return the places of extreme values, the most extreme first, at most ten."""
    strength = np.abs(_robust(values))
    found = np.flatnonzero(strength > _EXTREME)
    return found[np.argsort(-strength[found], kind="stable")][:_TOLD]
