"""Simulate from every kind of model, fit, and compare with what was put in: `python scripts/recovery/recover.py [REPLICATES] [--write]`.

Prints a table, or with --write puts it into docs/recovery.md. z is the mean error of the estimates in its standard errors over the
replicates: 0 for an unbiased estimate, beyond 3 for one that is not. Approximations of the likelihood are biased where a subject's data say
little; the method is the one that suits the outcome.
"""

import sys
from pathlib import Path

import continuous
import effects
import numpy as np
import outcomes
from world import World

import popmix

WORLDS = (*continuous.WORLDS, *outcomes.WORLDS, *effects.WORLDS)
METHODS = {"focei": popmix.FOCE(), "laplace": popmix.Laplace(), "agq": popmix.AGQ(order=9)}
PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
SEED, REPLICATES = 20261126, 20
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def recovered(world: World, replicates: int) -> np.ndarray:
    """Return estimates [replicates, parameters] in the order of the true values."""
    found = []
    for replicate in range(replicates):
        fit = popmix.fit(world.model, world.data(SEED + replicate), METHODS[world.methods[0]])
        found.append([fit.parameters[name] for name in world.truth])
    return np.array(found)


def rows_of(world: World, replicates: int) -> list[str]:
    """Return the rows of the table."""
    found = recovered(world, replicates)
    mean, sd = found.mean(axis=0), found.std(axis=0, ddof=1)
    lines = []
    for k, (name, true) in enumerate(world.truth.items()):
        z = (mean[k] - true) / (sd[k] / np.sqrt(replicates))
        first = (world.title, world.methods[0], str(world.subjects)) if k == 0 else ("", "", "")
        lines.append("| " + " | ".join([*first, f"`{name}`", f"{true:g}", f"{mean[k]:.4g}", f"{sd[k]:.2g}", f"{z:+.1f}"]) + " |\n")
    return lines


def main() -> None:
    """Print or write the table."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    replicates = numbers[0] if numbers else REPLICATES
    lines = ["| kind | method | subjects | parameter | true | mean | SD | z |\n", "|---|---|---|---|---|---|---|---|\n"]
    for world in WORLDS:
        lines += rows_of(world, replicates)
        print(*lines[-len(world.truth) :], sep="", end="", flush=True)
    if "--write" in sys.argv:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "".join(lines) + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
