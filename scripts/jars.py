"""One stage against two stages: 200 simulated experiments with daphnids in jars, and the figure of docs/jars.md.

Each experiment has 20 jars; of the animals of a jar 10 are exposed to each of six concentrations of a contaminant and the deaths counted.
Jars differ in their background mortality and their ED50. The one-stage fit is Laplace's, its interval exp(log ED50 -+ 1.96 SE) with the
SE from the curvature of the objective (differences of its exact gradient); two-stage fits every jar alone and summarises those that can be
fitted. Run `python scripts/jars.py [EXPERIMENTS]`; with --picture it writes docs/images/jars.png.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import polars as pl

import popmix
from popmix.errors import PopmixError
from popmix.estimate.objective import Objective
from popmix.estimate.scale import Scale
from popmix.likelihood import bind

ROOT = Path(__file__).parents[1]
MODEL = popmix.load(ROOT / "examples" / "jars.py")
SEED, EXPERIMENTS, JARS, ANIMALS = 20261126, 200, 20, 10
DOSES = (0.0, 2.5, 5.0, 10.0, 20.0, 40.0)
TRUE = {"background": -3.0, "tvED50": 10.0, "slope": 2.0, "iiv_base": 0.3, "iiv_ED50": 0.4}


def experiment(seed: int) -> pl.DataFrame:
    """Return the deaths of one experiment."""
    rng, rows = np.random.default_rng(seed), []
    for jar in range(1, JARS + 1):
        background = 1 / (1 + np.exp(-(TRUE["background"] + TRUE["iiv_base"] * rng.standard_normal())))
        ed50 = TRUE["tvED50"] * np.exp(TRUE["iiv_ED50"] * rng.standard_normal())
        for dose in DOSES:
            effect = dose ** TRUE["slope"] / (ed50 ** TRUE["slope"] + dose ** TRUE["slope"])
            deaths = rng.binomial(ANIMALS, background + (1 - background) * effect)
            rows.append({"ID": jar, "DOSE": dose, "N": ANIMALS, "DV": int(deaths)})
    return pl.DataFrame(rows)


def interval(fit: popmix.Fit, name: str) -> tuple[float, float]:
    """Return the 95% interval of a positive parameter, from the curvature of the objective on the unconstrained scale."""
    problem, scale = bind(fit.model, fit.data), Scale.of(fit.parameters)
    objective = Objective(problem, scale, fit.method.rule, 1)
    x = scale.pack(fit.parameters)
    middle, step = objective.at(x), 1e-3
    rows = [
        (objective.at(x + step * e, middle).gradient - objective.at(x - step * e, middle).gradient) / (2 * step) for e in np.eye(len(x))
    ]
    hessian = 0.5 * (np.array(rows) + np.array(rows).T)
    # a variance that has gone to zero is flat: it is held there
    kept = [k for k, own in enumerate(scale.names) if not (own.startswith("iiv_") and fit.parameters[own] < 0.02)]
    covariance = 2 * np.linalg.inv(hessian[np.ix_(kept, kept)])
    place = scale.names.index(name)
    error = np.sqrt(covariance[kept.index(place), kept.index(place)])
    return float(np.exp(x[place] - 1.96 * error)), float(np.exp(x[place] + 1.96 * error))


def study(experiments: int) -> dict[str, np.ndarray]:
    """Return the estimates of log ED50 by method, the intervals of one stage, and how many jars could not be fitted alone."""
    found: dict[str, list] = {"one stage": [], "standard": [], "global": [], "low": [], "high": [], "alone": []}
    for number in range(experiments):
        data = experiment(SEED + number)
        fit = popmix.fit(MODEL, data, popmix.Laplace())
        found["one stage"].append(np.log(fit.parameters["tvED50"]))
        low, high = interval(fit, "tvED50")
        found["low"].append(low)
        found["high"].append(high)
        for summary in ("standard", "global"):
            try:
                result = popmix.two_stage(MODEL, data, summary=summary)
                found[summary].append(np.log(result.estimates()["ED50"]))
            except PopmixError:
                found[summary].append(np.nan)
        found["alone"].append(result.n_failed)
    return {name: np.array(values) for name, values in found.items()}


def report(found: dict[str, np.ndarray]) -> str:
    """Return the table of the study."""
    true = np.log(TRUE["tvED50"])
    lines = ["| method | bias of log ED50 | root mean squared error |", "|---|---|---|"]
    for name in ("one stage", "standard", "global"):
        error = found[name] - true
        lines.append(f"| {name} | {np.nanmean(error):+.3f} | {np.sqrt(np.nanmean(error**2)):.3f} |")
    covered = np.mean((found["low"] <= TRUE["tvED50"]) & (found["high"] >= TRUE["tvED50"]))
    lines.append(f"\n95% intervals of one stage cover {100 * covered:.1f}% of {len(found['low'])} experiments; ")
    lines.append(f"of {JARS} jars {np.mean(found['alone']):.1f} on average can't be fitted alone.")
    return "\n".join(lines)


def picture(found: dict[str, np.ndarray]) -> None:
    """Draw an experiment with its curves, and the errors of the methods."""
    data = experiment(SEED)
    fit = popmix.fit(MODEL, data, popmix.Laplace())
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    dose = np.geomspace(1, 60, 200)
    for row in fit.individuals_table.rows():
        low = 1 / (1 + np.exp(-row["base"]))
        effect = dose ** fit.parameters["slope"] / (row["ED50"] ** fit.parameters["slope"] + dose ** fit.parameters["slope"])
        left.plot(dose, low + (1 - low) * effect, color="#7a9cc6", lw=0.8)
    low = 1 / (1 + np.exp(-fit.parameters["background"]))
    effect = dose ** fit.parameters["slope"] / (fit.parameters["tvED50"] ** fit.parameters["slope"] + dose ** fit.parameters["slope"])
    left.plot(dose, low + (1 - low) * effect, color="#12355b", lw=2.2, label="typical jar")
    jitter = np.random.default_rng(1).uniform(0.94, 1.06, len(data))
    left.plot(
        np.maximum(data["DOSE"], 1.15) * jitter, data["DV"] / data["N"], ".", color="#b0413e", ms=4, alpha=0.6, label="share of deaths"
    )
    left.set(xscale="log", xlabel="concentration (mg/L; 0 is drawn at 1.15)", ylabel="mortality", title="one experiment: 20 jars")
    left.legend(frameon=False, loc="upper left")
    names = ("one stage", "global", "standard")
    errors = [np.exp(found[name][np.isfinite(found[name])]) for name in names]
    right.boxplot(errors, orientation="horizontal", tick_labels=names, widths=0.6, flierprops={"ms": 3})
    right.axvline(TRUE["tvED50"], color="#b0413e", lw=1)
    right.set(xlabel="estimate of ED50 (mg/L); line: true", title=f"{len(found['low'])} experiments")
    figure.savefig(ROOT / "docs" / "images" / "jars.png", dpi=110)


def main() -> None:
    """Run what was asked for."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    found = study(numbers[0] if numbers else EXPERIMENTS)
    print(report(found))
    if "--picture" in sys.argv:
        picture(found)


if __name__ == "__main__":
    main()
