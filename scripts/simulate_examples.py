"""Simulate the data sets of three examples that come with popmix: jars, autoantibody and feeding.

popmix itself is not used, so that fits of these data test it. Run `python scripts/simulate_examples.py` to write the files again. The true
values stand in `TRUE`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SEED = 20261126
TARGET = Path(__file__).parents[1] / "src" / "popmix" / "data" / "datasets"
TRUE = {
    "jars": {"background": -3.0, "ED50": 10.0, "slope": 2.0, "sd_background": 0.3, "sd_ED50": 0.4},
    "autoantibody": {"base": 120.0, "rate": 0.05, "plateau": 0.12, "sd_base": 0.6, "sd_rate": 0.4, "sd_plateau": 0.8, "error": 0.25},
    "feeding": {"attack": 1.0, "handling": 0.015, "dispersion": 15.0, "sd_attack": 0.35, "sd_handling": 0.5},
}
LLOQ = 15.0


def jars(rng: np.random.Generator) -> Iterator[dict]:
    """Yield the deaths of 20 jars at six concentrations (mg/L), ten animals each."""
    true = TRUE["jars"]
    for jar in range(1, 21):
        low = 1 / (1 + np.exp(-rng.normal(true["background"], true["sd_background"])))
        middle = true["ED50"] * np.exp(true["sd_ED50"] * rng.standard_normal())
        for dose in (0.0, 2.5, 5.0, 10.0, 20.0, 40.0):
            effect = dose ** true["slope"] / (middle ** true["slope"] + dose ** true["slope"])
            yield {"ID": jar, "DOSE": dose, "N": 10, "DV": rng.binomial(10, low + (1 - low) * effect)}


def autoantibody(rng: np.random.Generator) -> Iterator[dict]:
    """Yield two to seven titres (U/mL) of 40 patients at irregular days; what is below the limit is given as the limit, flagged."""
    true = TRUE["autoantibody"]
    for patient in range(1, 41):
        base, rate = (true[name] * np.exp(true[f"sd_{name}"] * rng.standard_normal()) for name in ("base", "rate"))
        logit = np.log(true["plateau"] / (1 - true["plateau"])) + true["sd_plateau"] * rng.standard_normal()
        plateau = 1 / (1 + np.exp(-logit))
        days = np.sort(rng.choice(np.arange(0, 180), size=rng.integers(2, 8), replace=False))
        for day in days:
            titre = base * (plateau + (1 - plateau) * np.exp(-rate * day)) * np.exp(true["error"] * rng.standard_normal())
            yield {"ID": patient, "TIME": int(day), "DV": f"{max(titre, LLOQ):.3g}", "CENS": int(titre < LLOQ)}


def feeding(rng: np.random.Generator) -> Iterator[dict]:
    """Yield the prey eaten by 40 predators at six densities."""
    true = TRUE["feeding"]
    for predator in range(1, 41):
        attack, handling = (true[name] * np.exp(true[f"sd_{name}"] * rng.standard_normal()) for name in ("attack", "handling"))
        for prey in (5, 10, 20, 40, 80, 160):
            mean = attack * prey / (1 + attack * handling * prey)
            yield {"ID": predator, "PREY": prey, "DV": rng.poisson(mean * rng.gamma(true["dispersion"], 1 / true["dispersion"]))}


def main() -> None:
    """Write the three files."""
    for make in (jars, autoantibody, feeding):
        rows = list(make(np.random.default_rng(SEED)))
        with (TARGET / f"{make.__name__}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
