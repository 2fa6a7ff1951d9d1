"""Small made-up tables of every kind that pictures are drawn from, always the same."""

import numpy as np

from popmix.table import Table

TIMES = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 24.0])
LIMIT = 0.9


def _curve(time: np.ndarray, volume: np.ndarray | float, rate: np.ndarray | float) -> np.ndarray:
    return 100.0 / volume * 1.4 / (1.4 - rate) * (np.exp(-rate * time) - np.exp(-1.4 * time))


def observations(subjects: int = 24) -> Table:
    """Return observations of a fit; those below LIMIT are censored, and one residual is far out."""
    random = np.random.default_rng(7)
    who = np.repeat(np.arange(1, subjects + 1), len(TIMES))
    time = np.tile(TIMES, subjects)
    volume, rate = (np.exp(random.normal(0, 0.3, subjects))[who - 1] * typical for typical in (12.0, 0.13))
    ipred, pred = _curve(time, volume, rate), _curve(time, 12.0, 0.13)
    iwres = random.normal(0, 1, len(who))
    iwres[11] = 5.6
    dv = np.abs(ipred * (1 + 0.12 * iwres))
    left = dv < LIMIT
    columns = {"ID": who.astype(str).astype(object), "TIME": time, "TAD": np.mod(time, 12.0), "DV": np.where(left, LIMIT, dv)}
    columns |= {"PRED": pred, "IPRED": ipred, "IWRES": iwres, "CWRES": iwres * 1.05, "NPDE": np.clip(iwres, -2.8, 2.8)}
    columns |= {
        "CENSORED": np.where(left, "left", "").astype(object),
        "LOW": np.full(len(who), np.nan),
        "HIGH": np.where(left, LIMIT, np.nan),
    }
    columns |= {
        "DVID": np.where(np.arange(len(who)) % 2, "plasma", "urine").astype(object),
        "SEX": np.where(who % 2, "F", "M").astype(object),
    }
    return Table(columns, {"TIME": "h", "DV": "mg/L", "IPRED": "mg/L", "PRED": "mg/L"})


def curves(subjects: int = 24) -> Table:
    """Return fine curves of the same subjects."""
    time = np.tile(np.linspace(0, 24, 97), subjects)
    who = np.repeat(np.arange(1, subjects + 1), 97)
    random = np.random.default_rng(7)
    volume, rate = (np.exp(random.normal(0, 0.3, subjects))[who - 1] * typical for typical in (12.0, 0.13))
    return Table(
        {"ID": who.astype(str).astype(object), "TIME": time, "PRED": _curve(time, 12.0, 0.13), "IPRED": _curve(time, volume, rate)}
    )


def doses(subjects: int = 24) -> Table:
    """Return two doses for each subject."""
    return Table({"ID": np.repeat(np.arange(1, subjects + 1), 2).astype(str).astype(object), "TIME": np.tile([0.0, 12.0], subjects)})


def bins(strata: tuple[str, ...] = ("",)) -> Table:
    """Return bins of a visual predictive check; the lowest percentile of the last bin was below the limit of quantification."""
    edges = np.array([0.0, 0.4, 0.8, 1.5, 3.0, 5.0, 7.0, 10.0, 18.0, 25.0])
    rows = [(stratum, level, place) for stratum in strata for level in (5, 50, 95) for place in range(len(TIMES))]
    level = np.array([row[1] for row in rows], dtype=float)
    place = np.array([row[2] for row in rows])
    middle = _curve(TIMES[place], 12.0, 0.13) * np.select([level == 5, level == 95], [0.55, 1.6], 1.0)
    observed = np.where((level == 5) & (place == len(TIMES) - 1), np.nan, middle * (1 + 0.1 * np.sin(place)))
    columns = {"BIN": place, "LEFT": edges[place], "RIGHT": edges[place + 1], "X": TIMES[place], "PERCENTILE": level, "OBSERVED": observed}
    columns |= {"LOW": 0.82 * middle, "MEDIAN": middle, "HIGH": 1.2 * middle, "STRATUM": np.array([row[0] for row in rows], dtype=object)}
    return Table(columns)


def vpc_points(strata: tuple[str, ...] = ("",)) -> Table:
    """Return the observations of `bins`."""
    own = observations()
    stratum = np.array(strata, dtype=object)[np.arange(own.n_rows) % len(strata)]
    return Table({"X": own["TIME"], "DV": own["DV"], "STRATUM": stratum, "ID": own["ID"]})


def below(strata: tuple[str, ...] = ("",)) -> Table:
    """Return fractions below the limit, a row for each bin and stratum."""
    middle = np.tile(np.linspace(0, 0.4, len(TIMES)), len(strata))
    columns = {"BIN": np.tile(np.arange(len(TIMES)), len(strata)), "X": np.tile(TIMES, len(strata)), "MEDIAN": middle}
    columns |= {"LOW": 0.6 * middle, "HIGH": np.minimum(1.5 * middle + 0.03, 1), "OBSERVED": 0.9 * middle}
    return Table(columns | {"STRATUM": np.repeat(np.array(strata, dtype=object), len(TIMES))})


def categories() -> Table:
    """Return proportions of three categories over time."""
    share = np.concatenate([0.2 + 0.5 * TIMES / 24, 0.5 - 0.3 * TIMES / 24, 0.3 - 0.2 * TIMES / 24])
    columns = {"CATEGORY": np.repeat(np.array([0, 1, 2]), len(TIMES)), "X": np.tile(TIMES, 3), "STRATUM": np.full(27, "", dtype=object)}
    return Table(columns | {"OBSERVED": share + 0.02, "LOW": share - 0.08, "MEDIAN": share, "HIGH": share + 0.08})


def survival() -> tuple[Table, Table]:
    """Return an observed survival curve and the interval of simulated ones."""
    time = np.array([0.0, 3.0, 5.0, 9.0, 14.0, 20.0, 25.0])
    left = np.array([1.0, 0.9, 0.8, 0.8, 0.6, 0.45, 0.45])
    observed = {"TIME": time, "SURVIVAL": left, "LOW": np.maximum(left - 0.12, 0), "HIGH": np.minimum(left + 0.1, 1)}
    observed |= {"CENSORED": np.array([0, 0, 0, 2, 0, 0, 3])}
    grid = np.linspace(0, 25, 60)
    middle = np.exp(-grid / 32)
    simulated = {"TIME": grid, "LOW": np.maximum(middle - 0.13, 0), "MEDIAN": middle, "HIGH": np.minimum(middle + 0.12, 1)}
    return Table(observed), Table(simulated)


def coverage() -> Table:
    """Return counts beyond prediction intervals; one of them lies outside what simulation allows."""
    interval = np.tile([0.0, 20.0, 40.0, 60.0, 80.0, 90.0, 95.0], 2)
    expected = 200 * (100 - interval) / 200
    observed = expected * np.where(np.arange(14) == 5, 2.2, 1.08)
    side = np.repeat(np.array(["below", "above"], dtype=object), 7)
    return Table(
        {"INTERVAL": interval, "SIDE": side, "OBSERVED": observed, "EXPECTED": expected, "LOW": 0.7 * expected, "HIGH": 1.35 * expected}
    )


def residual_bands() -> Table:
    """Return percentiles of NPDE by bins of time and prediction."""
    rows = [(of, place, level) for of in ("TIME", "PRED") for place in range(4) for level in (2.5, 50, 97.5)]
    middle = np.array([{2.5: -1.96, 50: 0.0, 97.5: 1.96}[row[2]] for row in rows])
    place = np.array([row[1] for row in rows])
    width = np.array([6.0 if row[0] == "TIME" else 2.0 for row in rows])
    columns = {"X_OF": np.array([row[0] for row in rows], dtype=object), "LEFT": place * width, "RIGHT": (place + 1) * width}
    columns |= {"PERCENTILE": np.array([row[2] for row in rows]), "OBSERVED": middle + 0.1, "LOW": middle - 0.35, "HIGH": middle + 0.35}
    return Table(columns)


def effects(subjects: int = 24) -> Table:
    """Return conditional modes of two random effects; the second goes with weight."""
    random = np.random.default_rng(3)
    who = np.arange(1, subjects + 1).astype(str).astype(object)
    weight = covariates(subjects)["WT"]
    return Table({"ID": who, "eta_CL": random.normal(0, 0.25, subjects), "eta_V": 0.02 * (weight - 70) + random.normal(0, 0.1, subjects)})


def covariates(subjects: int = 24) -> Table:
    """Return a continuous covariate, one of words, and one of few numbers."""
    random = np.random.default_rng(4)
    who = np.arange(1, subjects + 1).astype(str).astype(object)
    sex = np.where(np.arange(subjects) % 3 == 0, "F", "M").astype(object)
    return Table({"ID": who, "WT": random.normal(70, 12, subjects), "SEX": sex, "STAGE": np.arange(subjects) % 3 + 1}, {"WT": "kg"})


def samples(subjects: int = 24, count: int = 20) -> Table:
    """Return samples about the modes of `effects`."""
    random = np.random.default_rng(5)
    own = effects(subjects)
    return Table(
        {
            name: np.repeat(own[name], count) + (0 if name == "ID" else random.normal(0, 0.1, subjects * count))
            for name in own
            if name != "ID"
        }
        | {"ID": np.repeat(own["ID"], count)}
    )


def forest_rows() -> Table:
    """Return effects of covariates in two groups."""
    names = np.array(["50 kg", "90 kg", "moderate", "severe"], dtype=object)
    groups = np.array(["weight", "weight", "renal impairment", "renal impairment"], dtype=object)
    numbers = {"ESTIMATE": [0.81, 1.2, 0.74, 0.52], "LOWER": [0.75, 1.12, 0.61, 0.38], "UPPER": [0.88, 1.31, 0.9, 0.71]}
    return Table({"NAME": names, **numbers, "GROUP": groups})


def draws() -> Table:
    """Return draws of three parameters."""
    random = np.random.default_rng(6)
    return Table(
        {"CL": np.exp(random.normal(0.5, 0.1, 300)), "V": random.normal(12, 0.6, 300), "ka": random.gamma(4, 0.3, 300)}, {"CL": "L/h"}
    )


def profiles() -> Table:
    """Return profiles of two parameters with their parabolas."""
    step = np.linspace(-2.4, 2.4, 13)
    columns = {"NAME": np.repeat(np.array(["CL", "V"], dtype=object), 13), "VALUE": np.concatenate([1.6 + 0.1 * step, 12 + 0.6 * step])}
    return Table(columns | {"DELTA_OFV": np.tile(step**2 + 0.1 * step**3, 2), "PARABOLA": np.tile(step**2, 2)})


def objectives(subjects: int = 40) -> Table:
    """Return the objective of every subject in two runs."""
    random = np.random.default_rng(8)
    first = random.normal(20, 6, subjects)
    return Table({"ID": np.arange(1, subjects + 1), "A": first, "B": first + random.normal(-0.3, 1.0, subjects)})


def influence(subjects: int = 30) -> Table:
    """Return case-deletion diagnostics; subject 9 is extreme."""
    random = np.random.default_rng(9)
    cook, ratio = np.abs(random.normal(0.3, 0.1, subjects)), random.normal(1, 0.05, subjects)
    cook[8], ratio[8] = 1.9, 0.6
    return Table({"ID": np.arange(1, subjects + 1), "COOK": cook, "COVARIANCE_RATIO": ratio})


def exposure() -> Table:
    """Return bands of profiles in two groups."""
    time = np.tile(np.linspace(0, 24, 49), 2)
    middle = _curve(time, 12.0, 0.13) * np.repeat([1.0, 1.8], 49)
    bands = {"LOW_90": 0.5 * middle, "HIGH_90": 1.7 * middle, "LOW_50": 0.8 * middle, "HIGH_50": 1.25 * middle}
    return Table(
        {"TIME": time, "MEDIAN": middle, **bands, "GROUP": np.repeat(np.array(["100 mg", "180 mg"], dtype=object), 49)}, {"TIME": "h"}
    )


def objectives_of_one() -> Table:
    """Return the objective of every subject in one run."""
    own = objectives()
    return Table({"ID": own["ID"], "OFV": own["A"]})
