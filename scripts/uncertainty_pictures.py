"""Draw the picture of docs/uncertainty.md: `python scripts/uncertainty_pictures.py`."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import popmix

ROOT = Path(__file__).parents[1]
LIGHT, DARK, RED = "#7a9cc6", "#12355b", "#b0413e"
NAME = "iiv_Ka"


def main() -> None:
    """Draw the profile of an SD, the Wald parabola, and the resamples of SIR."""
    fit = popmix.fit(popmix.demo().model, popmix.datasets.path("theophylline"))
    errors = popmix.covariance(fit, "r")
    profile, resampled = popmix.profile(fit, NAME), popmix.sir(fit, errors)
    value, se = fit.parameters[NAME], errors.se[NAME]
    grid = np.linspace(0.25, 1.45, 200)
    figure, axis = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    below = axis.twinx()
    own = resampled.resamples[:, resampled.names.index(NAME)]
    below.hist(own, bins=40, density=True, color=LIGHT, alpha=0.45, label="resamples (SIR)")
    below.set(yticks=[], ylim=(0, 6))
    axis.plot(grid, ((grid - value) / se) ** 2, "--", color="0.45", label="Wald: (x - estimate)² / SE²")
    levels = [popmix.profile(fit, NAME, level=level).points for level in (0.2, 0.5, 0.8, 0.997)]
    points = [pair for table in (profile.points, *levels) for pair in zip(table["value"], table["dofv"], strict=True)]
    curve = np.array(sorted(points))
    axis.plot(curve[:, 0], curve[:, 1], "o-", color=DARK, ms=4, label="profile")
    axis.axhline(3.84, color=RED, lw=1)
    axis.annotate("3.84: 95 % interval", (1.3, 3.95), color=RED, fontsize=9, ha="center")
    for end in profile.interval(NAME):
        axis.plot([end, end], [0, 3.84], color=RED, lw=1, ls=":")
    axis.set(xlabel=f"{NAME} (SD)", ylabel="rise of the OFV", ylim=(0, 9), xlim=(0.25, 1.45))
    axis.set_zorder(below.get_zorder() + 1)
    axis.patch.set_visible(False)
    lines = [*axis.get_legend_handles_labels()[0], *below.get_legend_handles_labels()[0]]
    axis.legend(lines, [line.get_label() for line in lines], frameon=False, loc="upper center")
    figure.savefig(ROOT / "docs" / "images" / "uncertainty.png", dpi=110)


if __name__ == "__main__":
    main()
