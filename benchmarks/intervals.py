"""Simulate sparse pharmacokinetics 200 times, fit, and count how often intervals hold the truth: `python benchmarks/intervals.py [N]`.

Forty subjects (and eighty) with four concentrations each, in two schedules, after one oral dose of 100; proportional error. By FOCEI and
by quadrature; the tables go into docs/uncertainty.md with `--write`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from measuring import HERE

import popmix

DOCS = Path(__file__).parents[1] / "docs" / "uncertainty.md"
TRUTH = {"tvCL": 2.0, "tvV": 20.0, "tvKa": 1.2, "proportional_DV": 0.15, "iiv_CL": 0.3, "iiv_V": 0.25, "iiv_Ka": 0.5}
SCHEDULES = ((0.5, 2.0, 6.0, 24.0), (1.0, 4.0, 10.0, 30.0))
MODEL = HERE / "models" / "sparse.py"


def simulated(seed: int, n_subjects: int = 40) -> pl.DataFrame:
    """Return one data set, from the formula."""
    rng, rows = np.random.default_rng([20261126, seed]), []
    for subject in range(1, n_subjects + 1):
        cl, v, ka = (TRUTH[f"tv{name}"] * np.exp(TRUTH[f"iiv_{name}"] * rng.standard_normal()) for name in ("CL", "V", "Ka"))
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1})
        for t in SCHEDULES[subject % 2]:
            f = 100.0 / v * ka / (ka - cl / v) * (np.exp(-cl / v * t) - np.exp(-ka * t))
            dv = f * (1 + TRUTH["proportional_DV"] * rng.standard_normal())
            rows.append({"ID": subject, "TIME": t, "AMT": None, "DV": dv, "EVID": 0})
    return pl.DataFrame(rows, infer_schema_length=None)


def study(n: int, method: object, n_subjects: int) -> tuple[str, float]:
    """Return the table of `n` data sets, and the seconds it took."""
    kinds, began = ("sandwich", "r"), time.perf_counter()
    values, errors, hits = [], {kind: [] for kind in kinds}, {kind: [] for kind in (*kinds, "r, unconstrained")}
    model = popmix.load(MODEL)
    for seed in range(n):
        fit = popmix.fit(model, simulated(seed, n_subjects), method)
        values.append([fit.parameters[name] for name in TRUTH])
        for kind in kinds:
            found = popmix.covariance(fit, kind)
            errors[kind].append([found.se.get(name, np.nan) for name in TRUTH])
            hits[kind].append([_holds(found.interval(name), name) if name in found.names else np.nan for name in TRUTH])
        hits["r, unconstrained"].append(
            [_holds(found.interval(name, unconstrained=True), name) if name in found.names else np.nan for name in TRUTH]
        )
    seconds = time.perf_counter() - began
    values, truth = np.array(values), np.array(list(TRUTH.values()))
    bias, spread = 100 * (values.mean(axis=0) / truth - 1), values.std(axis=0, ddof=1)
    lines = [
        "| parameter | truth | bias % | SD of estimates | mean SE (r) | coverage % sandwich | r | r, unconstrained |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for k, name in enumerate(TRUTH):
        covered = " | ".join(f"{100 * np.nanmean(np.array(hits[kind], dtype=float)[:, k]):.1f}" for kind in hits)
        lines.append(
            f"| {name} | {truth[k]:g} | {bias[k]:+.1f} | {spread[k]:.3g} | {np.nanmean(np.array(errors['r'])[:, k]):.3g} | {covered} |"
        )
    return "\n".join(lines), seconds


def _holds(interval: tuple[float, float], name: str) -> float:
    return float(interval[0] <= TRUTH[name] <= interval[1])


STUDIES = {
    "FOCEI, 40 subjects": (popmix.FOCE(), 40),
    "Quadrature of order 5, 40 subjects": (popmix.AGQ(order=5), 40),
    "Quadrature of order 5, 80 subjects": (popmix.AGQ(order=5), 80),
}


def main() -> None:
    """Print the tables, and write them into the page when told."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    tables = []
    for name, (method, n_subjects) in STUDIES.items():
        text, seconds = study(numbers[0] if numbers else 200, method, n_subjects)
        tables.append(f"**{name}**\n\n{text}")
        print(f"{tables[-1]}\n\n{seconds:.0f} s\n", flush=True)
    if "--write" in sys.argv:
        page = DOCS.read_text(encoding="utf-8")
        head, tail = page.split("<!-- coverage: begin -->\n")[0], page.split("<!-- coverage: end -->")[1]
        told = "\n\n".join(tables)
        DOCS.write_text(f"{head}<!-- coverage: begin -->\n{told}\n<!-- coverage: end -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
