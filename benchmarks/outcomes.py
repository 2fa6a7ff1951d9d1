"""Measure occasions, repeated events, values beyond a limit, and levels above subjects: `python benchmarks/outcomes.py`."""

from pathlib import Path

import numpy as np
import polars as pl
from measuring import HERE, table, with_data

import popmix

MODELS = HERE / "models"
LIMIT = 0.4


def occasions(rng: np.random.Generator) -> pl.DataFrame:
    """Return 200 subjects with three infusions of an hour, seven concentrations after each."""
    rows, times = [], (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
    for subject in range(1, 201):
        e, start = rng.standard_normal(3) * (0.3, 0.25, 0.3), 0.0
        v1, v2, q, amounts = 10.0 * np.exp(e[1]), 20.0 * np.exp(e[2]), 3.0, np.zeros(2)
        for occasion in (1, 2, 3):
            cl = 4.0 * np.exp(e[0] + 0.15 * rng.standard_normal())
            matrix = np.array([[-(cl + q) / v1, q / v2], [q / v1, -q / v2]])
            rows.append({"ID": subject, "OCC": occasion, "TIME": start, "AMT": 100.0, "RATE": 100.0, "DV": None, "EVID": 1})
            now = 0.0
            for time in times:
                amounts, now = advanced(matrix, amounts, now, time), time
                value = amounts[0] / v1 * (1 + 0.15 * rng.standard_normal())
                rows.append({"ID": subject, "OCC": occasion, "TIME": start + time, "AMT": 0.0, "RATE": 0.0, "DV": value, "EVID": 0})
            start += 24.5
            amounts = advanced(matrix, amounts, 24.0, 24.5)
    return pl.DataFrame(rows, infer_schema_length=None)


def advanced(matrix: np.ndarray, amounts: np.ndarray, now: float, time: float) -> np.ndarray:
    """Return the amounts at `time`, with an infusion of rate 100 into the first compartment until 1."""
    values, vectors = np.linalg.eig(matrix)
    for end, rate in ((min(time, 1.0), 100.0), (time, 0.0)):
        if end > now:
            level = np.linalg.solve(-matrix, (rate, 0.0))
            amounts = (vectors @ (np.linalg.solve(vectors, amounts - level) * np.exp(values * (end - now)))).real + level
            now = end
    return amounts


def events(rng: np.random.Generator) -> pl.DataFrame:
    """Return 500 subjects over 24 hours with a constant hazard of each, half of them treated."""
    rows = []
    for subject in range(1, 501):
        treated, time = float(subject % 2), 0.0
        rate = 0.1 * np.exp(0.7 * rng.standard_normal() - 0.5 * treated)
        rows.append({"ID": subject, "TIME": 0.0, "DV": None, "EVID": 2, "TREATED": treated})
        while time < 24.0:
            time += rng.exponential(1 / rate)
            rows.append({"ID": subject, "TIME": min(time, 24.0), "DV": float(time < 24.0), "EVID": 0, "TREATED": treated})
    return pl.DataFrame(rows, infer_schema_length=None)


def sites(data: pl.DataFrame) -> pl.DataFrame:
    """Return data with sites of ten subjects."""
    return data.with_columns(SITE=(pl.col("ID") - 1) // 10)


def fitted(model: popmix.Model, data: pl.DataFrame, method: object) -> tuple[float, popmix.Fit]:
    """Return the seconds of the fastest of three fits, engine loaded and data read, and the fit."""
    found = [popmix.fit(model, data, method) for _ in range(3)]
    return min(one.timing["fit"] for one in found), found[0]


def measure(folder: Path) -> None:
    """Print the tables."""
    rng, foce, laplace = np.random.default_rng(20261126), popmix.FOCE(), popmix.Laplace()
    three, seizures = occasions(rng), events(rng)
    rows = []
    for title, name, data, method in (
        ("FOCEI, 200 subjects with 3 occasions, 4200 observations", "occasions", three, foce),
        ("Laplace, repeated events, 500 subjects, hazard in closed form", "seizures", seizures, laplace),
        ("Laplace, repeated events, 500 subjects, hazard integrated", "driven", seizures, laplace),
    ):
        seconds, fit = fitted(popmix.load(MODELS / f"{name}.py"), data, method)
        rows.append((title, f"{seconds:.2f}", "5", str(fit.convergence.evaluations)))
    model = popmix.load(MODELS / "oral1.py")
    oral = pl.read_csv(folder / "sim_oral1_1000.csv", null_values=".", infer_schema_length=None)
    seconds, fit = fitted(sited(model), sites(oral), foce)
    rows.append(("FOCEI, 1000 subjects in 100 sites, an effect of the site on CL", f"{seconds:.2f}", "", str(fit.convergence.evaluations)))
    table("(f1) Levels and outcomes", ("what", "s", "target", "evaluations"), rows)
    limits(model, oral)


def sited(model: popmix.Model) -> popmix.Model:
    """Return the one-compartment model with an effect of the site on clearance."""
    source = popmix.write(model)
    source = source.replace("    CL = LogNormal(", "    SITE = Level()\n    site = Eta(0.1, level=SITE)\n    CL = LogNormal(exp(site) * ")
    return popmix.read(source)


def limits(model: popmix.Model, data: pl.DataFrame) -> None:
    """Compare fits of the same data with and without a limit of quantification."""
    low = model.with_(DV=limited(model))
    share = float(((data["DV"] < LIMIT) & (data["EVID"] == 0)).sum() / (data["EVID"] == 0).sum())
    found = []
    for title, own in (("all values", model), (f"{100 * share:.0f}% below a limit, M3", low)):
        for method in (popmix.FOCE(), popmix.Laplace()):
            seconds, fit = fitted(own, data, method)
            each = seconds / fit.convergence.evaluations
            found.append((title, method.name, seconds, each, fit.convergence.evaluations))
    lines = []
    for k, (title, name, seconds, each, evaluations) in enumerate(found):
        over = (f"{seconds / found[k - 2][2]:.2f}", f"{each / found[k - 2][3]:.2f}") if k >= 2 else ("1.00", "1.00")
        lines.append((title, name, f"{seconds:.2f}", str(evaluations), *over))
    head = ("one-compartment oral, 1000 subjects", "method", "s", "evaluations", "over uncensored (target 1.5)", "by evaluation")
    table("(f2) Values below a limit", head, lines)


def limited(model: popmix.Model) -> object:
    """Return the observation of a model with a limit of quantification."""
    source = popmix.write(model).replace("proportional=", f"lloq={LIMIT}, proportional=")
    return popmix.read(source).observations["DV"]


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
