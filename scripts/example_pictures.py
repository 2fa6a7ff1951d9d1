"""Draw the pictures of docs/autoantibody.md, docs/trees.md and docs/feeding.md: `python scripts/example_pictures.py`."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import popmix

ROOT = Path(__file__).parents[1]
LIGHT, DARK, RED = "#7a9cc6", "#12355b", "#b0413e"


def fitted(name: str) -> popmix.Fit:
    """Return the fit of an example to its data."""
    return popmix.fit(popmix.load(ROOT / "examples" / f"{name}.py"), popmix.datasets.path(name))


def saved(figure: plt.Figure, name: str) -> None:
    """Write a picture into docs/images."""
    figure.savefig(ROOT / "docs" / "images" / f"{name}.png", dpi=110)


def autoantibody() -> None:
    """Draw the titres of nine patients with their own curves and the typical one."""
    fit = fitted("autoantibody")
    predictions, individuals, p = fit.predictions_table, fit.individuals_table, fit.parameters
    days = np.linspace(0, 180, 200)
    typical = p["tvBase"] * (p["tvPlateau"] + (1 - p["tvPlateau"]) * np.exp(-p["tvRate"] * days))
    figure, axes = plt.subplots(3, 3, figsize=(9, 6.4), sharex=True, sharey=True, layout="constrained")
    for axis, row in zip(axes.flat, list(individuals.rows())[8:17], strict=True):
        own = predictions["ID"] == row["ID"]
        below = predictions["CENSORED"][own] != ""
        curve = row["base"] * (row["plateau"] + (1 - row["plateau"]) * np.exp(-row["rate"] * days))
        axis.plot(days, typical, color="0.75", lw=1)
        axis.plot(days, curve, color=DARK, lw=1.8)
        axis.plot(predictions["TIME"][own][~below], predictions["DV"][own][~below], "o", color=RED, ms=4)
        axis.plot(predictions["TIME"][own][below], predictions["DV"][own][below], "v", color=RED, mfc="none", ms=6)
        axis.set(yscale="log", title=f"patient {row['ID']}")
        axis.title.set_fontsize(9)
    figure.supxlabel("day")
    figure.supylabel("titre (U/mL); triangles: below 15")
    saved(figure, "autoantibody")


def orange() -> None:
    """Draw the five trees with their own curves and the typical one."""
    fit = fitted("orange")
    predictions, p = fit.predictions_table, fit.parameters
    age = np.linspace(0, 1700, 200)
    share = 1 / (1 + np.exp((p["middle"] - age) / p["scale"]))
    figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for row in fit.individuals_table.rows():
        own = predictions["ID"] == row["ID"]
        (line,) = axis.plot(age, row["asymptote"] * share, lw=1.4)
        axis.plot(predictions["TIME"][own], predictions["DV"][own], "o", ms=4, color=line.get_color(), label=f"tree {row['ID']}")
    axis.plot(age, p["tvAsymptote"] * share, color="0.3", lw=2.4, ls="--", label="typical tree")
    axis.set(xlabel="age (days)", ylabel="circumference (mm)", xlim=(0, 1700), ylim=(0, 240))
    axis.legend(frameon=False, fontsize=8)
    saved(figure, "orange")


def feeding() -> None:
    """Draw what was eaten against what was offered, with every predator's curve and the typical one."""
    fit = fitted("feeding")
    predictions, p = fit.predictions_table, fit.parameters
    prey = np.linspace(0, 170, 200)
    figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for row in fit.individuals_table.rows():
        axis.plot(prey, row["attack"] * prey / (1 + row["attack"] * row["handling"] * prey), color=LIGHT, lw=0.8)
    axis.plot(prey, p["tvAttack"] * prey / (1 + p["tvAttack"] * p["tvHandling"] * prey), color=DARK, lw=2.4, label="typical predator")
    jitter = np.random.default_rng(1).uniform(-2, 2, len(predictions["PREY"]))
    axis.plot(predictions["PREY"] + jitter, predictions["DV"], ".", color=RED, ms=4, alpha=0.6, label="eaten in a day")
    axis.set(xlabel="prey offered", ylabel="prey eaten", xlim=(0, 170), ylim=(0, None))
    axis.legend(frameon=False)
    saved(figure, "feeding")


if __name__ == "__main__":
    autoantibody()
    orange()
    feeding()
