"""Pictures of random effects: their distributions, against covariates, and against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from popmix.errors import OptionError
from popmix.plot.layers import Boxes, Layer, Lines, Panel, Points, Rule, Texts, Ticks
from popmix.plot.parts import (
    FEW_VALUES,
    axis,
    chosen,
    column,
    columns_for,
    drawn,
    finite,
    histogram,
    kernel_density,
    keys,
    normal_curve,
    numbers,
    ordered,
    smoothed,
    symmetric,
    without_empty,
    words,
)
from popmix.plot.picture import Picture
from popmix.table import Table

_BINS = 10
_SPREAD = 0.12  # reach of points beside the middle of a category
_APART = 0.22  # from the middle of a category to the box of modes, and to that of samples
_MOST_SAMPLES = 3000  # points drawn; statistics and smooths take all
_GOLDEN = 0.6180339887498949
_EFFECTS, _SAMPLES = "effects", "samples"
_KEYS = ("ID", "UNIT")  # of rows: the subject, and its occasion or the group, where effects are not those of subjects


def effect_distributions(effects: Table, sds: Mapping[str, float], shrinkage: Mapping[str, float], samples: Table | None = None) -> Picture:
    """Draw the histogram of each random effect with N(0, omega^2), told its shrinkage.

    `effects`: ID, for effects of occasions or groups UNIT (its label), and a column for each effect (conditional modes); `sds`: omega by
    effect, as SD; `shrinkage`: in percent by effect; `samples`: the same columns, of the conditional distributions: their density is drawn
    too, since it does not shrink.
    Raises OptionError for missing columns and an effect without SD.
    """
    names = effect_names(effects)
    panels = []
    for name in names:
        if name not in sds:
            raise OptionError(f"the SD of {name!r} is missing; sds has {', '.join(sds) or 'none'}.")
        values = finite(effects, name, what=_EFFECTS)
        own = numbers(values, name)
        layers: list[Layer] = [histogram(own, _BINS)] if len(own) else []
        if sds[name] > 0:
            layers.append(Lines(*normal_curve(sds[name]), "normal", label="N(0, ω²)"))
        if samples is not None:
            layers.append(Lines(*kernel_density(numbers(samples, name, _SAMPLES)), "second", label="conditional samples"))
        layers.append(Ticks(own, "rug"))
        told = f" (shrinkage {shrinkage[name]:.0f} %)" if name in shrinkage and np.isfinite(shrinkage[name]) else ""
        panels.append(Panel(layers, f"{name}{told}", name, "density", x_range=symmetric(own, 3.0 * max(sds[name], 1e-6))))
    return Picture(
        "effect_distributions",
        panels,
        "Random effects",
        columns=columns_for(len(panels)),
        panel_size=(4.2, 3.2) if len(panels) == 1 else (3.2, 2.6),
        data=without_empty({_EFFECTS: effects, _SAMPLES: samples, "normal": drawn(panels, "normal"), "density": drawn(panels, "second")}),
    )


def effect_names(effects: Table) -> list[str]:
    """Return the columns of effects, all but ID and UNIT. Raises OptionError without ID or without any."""
    column(effects, "ID", _EFFECTS)
    names = [name for name in effects if name not in _KEYS]
    if not names:
        raise OptionError(f"the table of effects has only {' and '.join(effects)}: there is no random effect to draw.")
    return names


def effects_against_covariates(
    effects: Table, covariates: Table, samples: Table | None = None, *, names: Sequence[str] | None = None
) -> Picture:
    """Draw every random effect against every covariate: points with a loess, boxes for words and for numbers of few values.

    `effects`: ID (and UNIT, the label of occasion or group) and a column for each effect; `covariates`: the same keys and a column for
    each covariate, one row for each subject (or unit); `samples`: keys and effects, of the conditional distributions, drawn as a second
    set so that shrinkage can neither hide nor make a trend; `names`: the covariates to draw, all without it. The strip tells Pearson's r,
    for categories eta squared (share of variance between them). Raises OptionError for missing columns.
    """
    own = effect_names(effects)
    column(covariates, "ID", "covariates")
    shown = list(names) if names is not None else [name for name in covariates if name not in _KEYS]
    if not shown:
        raise OptionError("there is no covariate to draw.")
    panels, found = [], []
    sets = [("EBE", effects)] if samples is None else [("EBE", effects), (_SAMPLES, samples)]
    for effect in own:
        for covariate in shown:
            panel, strengths = _against(effect, covariate, covariates, sets)
            panels.append(panel)
            found += [(effect, covariate, *strength) for strength in strengths]
    association = Table(
        {
            "EFFECT": np.array([one[0] for one in found], dtype=object),
            "COVARIATE": np.array([one[1] for one in found], dtype=object),
            "OF": np.array([one[2] for one in found], dtype=object),
            "MEASURE": np.array([one[3] for one in found], dtype=object),
            "VALUE": np.array([one[4] for one in found], dtype=float),
        }
    )
    data = without_empty({_EFFECTS: effects, "covariates": covariates, _SAMPLES: samples, "association": association})
    columns = len(shown) if len(own) > 1 and len(shown) <= 4 else columns_for(len(panels))
    title = "Random effects against covariates"
    return Picture("effects_covariates", panels, title, columns=columns, panel_size=(3.1, 2.6), data=data)


def _against(effect: str, covariate: str, covariates: Table, sets: Sequence[tuple[str, Table]]) -> tuple[Panel, list[tuple]]:
    """Return the panel of an effect and a covariate, and the strength of association in each set."""
    values = column(covariates, covariate, "covariates")
    levels = ordered(values)
    grouped = values.dtype.kind not in "fiu" or len(levels) <= FEW_VALUES
    known = words(covariates, covariate) if grouped else numbers(covariates, covariate)
    of_unit = dict(zip(_units(covariates), known.tolist(), strict=True))
    layers: list[Layer] = [Rule("horizontal", 0.0, "zero")]
    strengths, told = [], []
    drawn_layers: list[list[Layer]] = []
    for place, (of, table) in enumerate(sets):
        rows = finite(table, effect, what=of)
        who, y = words(rows, "ID", of), numbers(rows, effect)
        style = ("first" if place == 0 else "second") if len(sets) > 1 else "points"
        x = np.array([of_unit.get(one) for one in _units(rows)], dtype=object if grouped else float)
        shift = (_APART if place else -_APART) if len(sets) > 1 else 0.0
        parts, value = _boxes(x, y, who, levels, shift, style) if grouped else _scatter(x, y, who, style, of if len(sets) > 1 else "")
        drawn_layers.append(parts)
        measure = "eta²" if grouped else "r"
        strengths.append((of, measure, value))
        told.append(f"{measure} {value:.2f}" if place == 0 else f"{of} {value:.2f}")
    # samples lie behind the modes, and trends in front of all
    back = [part for parts in reversed(drawn_layers) for part in parts]
    layers += [part for part in back if not isinstance(part, Lines)] + [part for part in back if isinstance(part, Lines)]
    title = f"{effect}: {', '.join(told)}"
    named = {float(place): level for place, level in enumerate(levels)} if grouped else None
    reach = (-0.6, len(levels) - 0.4) if grouped and levels else None
    return Panel(layers, title, axis(covariates, covariate), effect, x_range=reach, x_names=named), strengths


def _units(table: Table) -> list[tuple[str, ...]]:
    """Return the keys of rows: the subject, or the subject with its occasion or group."""
    return list(zip(*(words(table, name).tolist() for name in _KEYS if name in table), strict=True))


def _scatter(x: np.ndarray, y: np.ndarray, who: np.ndarray, style: str, label: str) -> tuple[list[Layer], float]:
    """Return points with a loess, and Pearson's r."""
    kept = np.isfinite(x)
    x, y, who = x[kept], y[kept], who[kept]
    thin = _thinned(len(x))
    line = "smooth" if style == "points" else style
    marks = "samples" if style == "second" else style
    return [Points(x[thin], y[thin], marks, who[thin], label=label), *smoothed(x, y, style=line)], correlation(x, y)


def _boxes(x: np.ndarray, y: np.ndarray, who: np.ndarray, levels: list[str], shift: float, style: str) -> tuple[list[Layer], float]:
    """Return boxes with points beside the middle of each category, and eta squared."""
    places = {level: float(place) for place, level in enumerate(levels)}
    at = np.array([places.get(value, np.nan) for value in x.tolist()], dtype=float)
    kept = np.isfinite(at)
    at, y, who = at[kept], y[kept], who[kept]
    middles = np.arange(len(levels), dtype=float)
    values = [y[at == middle] for middle in middles]
    # the place of the other set is told too, without values, so that boxes are narrow enough to stand side by side
    other = [-shift] if shift else []
    spots = np.concatenate([middles + own for own in (shift, *other)])
    boxed_values = [*values, *(np.zeros(0) for _ in other for _ in middles)]
    thin = _thinned(len(at))
    boxed = "box" if style == "points" else style
    marks = "samples" if style == "second" else style
    points = Points(at[thin] + shift + jitter(len(at))[thin], y[thin], marks, who[thin])
    return [Boxes(spots, boxed_values, boxed), points], between_share(values)


def _thinned(count: int) -> np.ndarray:
    """Return evenly spread places of rows, no more than can be told apart."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_SAMPLES)).astype(np.int64)) if count else np.zeros(0, dtype=np.int64)


def jitter(count: int) -> np.ndarray:
    """Return offsets spread evenly and always alike (multiples of the golden ratio)."""
    return _SPREAD * (2 * np.mod(_GOLDEN * np.arange(1, count + 1), 1.0) - 1)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r, nan for fewer than three pairs or values without spread."""
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def between_share(values: Sequence[np.ndarray]) -> float:
    """Return eta squared, the sum of squares between groups over the total; nan without spread."""
    everything = np.concatenate([*values, np.zeros(0)])
    if len(everything) < 3:
        return float("nan")
    middle = float(np.mean(everything))
    total = float(np.sum((everything - middle) ** 2))
    between = sum(len(own) * (float(np.mean(own)) - middle) ** 2 for own in values if len(own))
    return between / total if total > 0 else float("nan")


def effect_pairs(effects: Table, samples: Table | None = None) -> Picture:
    """Draw random effects against each other: points with a loess below, Pearson's r above, histograms on the diagonal.

    `effects`: ID, perhaps UNIT, and a column for each effect; `samples`: the same columns, of the conditional distributions: points
    behind, and a second r. Raises OptionError for missing columns and a single effect.
    """
    names = effect_names(effects)
    if len(names) < 2:
        raise OptionError(f"pairs need at least two random effects; there is only {names[0]!r}.")
    panels = [_pair(row, place, names, effects, samples) for row in range(len(names)) for place in range(len(names))]
    size = 2.6 if len(names) <= 3 else 2.0
    data = without_empty({_EFFECTS: effects, _SAMPLES: samples})
    return Picture("effect_pairs", panels, "Pairs of random effects", columns=len(names), panel_size=(size, size * 0.85), data=data)


def _pair(row: int, place: int, names: list[str], effects: Table, samples: Table | None) -> Panel:
    """Return one panel of the matrix."""
    across, up = names[place], names[row]
    if row == place:
        own = numbers(finite(effects, across, what=_EFFECTS), across)
        return Panel([histogram(own, _BINS), Ticks(own, "rug")] if len(own) else [], across, across, "density")
    rows = finite(effects, across, up, what=_EFFECTS)
    x, y = numbers(rows, across), numbers(rows, up)
    if place > row:
        return _correlations(across, up, x, y, samples)
    layers: list[Layer] = []
    if samples is not None:
        own = finite(samples, across, up, what=_SAMPLES)
        own = chosen(own, _thinned(own.n_rows))
        layers.append(Points(numbers(own, across), numbers(own, up), "samples", keys(own)))
    layers += [Points(x, y, "points" if samples is None else "first", keys(rows)), *smoothed(x, y)]
    return Panel(layers, "", across, up)


def _correlations(across: str, up: str, x: np.ndarray, y: np.ndarray, samples: Table | None) -> Panel:
    """Return Pearson's r in words."""
    lines = [f"r = {correlation(x, y):.2f}"]
    if samples is not None:
        lines.append(f"samples {correlation(numbers(samples, across), numbers(samples, up)):.2f}")
    heights = np.array([0.5]) if len(lines) == 1 else np.array([0.6, 0.4])
    return Panel([Texts(np.full(len(lines), 0.5), heights, lines, inside=True)], f"{up}, {across}", x_range=(0, 1), y_range=(0, 1))
