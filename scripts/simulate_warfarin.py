"""Simulate the warfarin-like data set that comes with popmix: oral PK and prothrombin complex activity (PCA) in 32 subjects.

The model is that of `examples/warfarin_pkpd.py` at its start values. Concentrations are a closed form; PCA is integrated numerically.
popmix itself is not used, so that fits of this data set test it. Run `python scripts/simulate_warfarin.py` to write the file again.
"""

import csv
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

SEED = 20240229
SUBJECTS = 32
DOSE_PER_KG = 1.5  # mg/kg, one oral dose at time 0
PK_TIMES = (1.0, 1.5, 2.0, 3.0, 6.0, 9.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0)
PD_TIMES = (0.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0, 144.0)
TYPICAL = {"CL": 0.135, "V": 8.0, "Ka": 1.0, "Lag": 0.8, "E0": 95.0, "Kout": 0.05, "C50": 1.2}
SD = {"CL": 0.3, "V": 0.2, "Ka": 0.6, "Lag": 0.3, "E0": 0.05, "Kout": 0.1, "C50": 0.4}
CORRELATION_CL_V = 0.3
EMAX = 1.0
PK_ADDITIVE, PK_PROPORTIONAL, PD_ADDITIVE = 0.3, 0.1, 4.0
TARGET = Path(__file__).parents[1] / "src" / "popmix" / "data" / "datasets" / "warfarin.csv"


def concentration(time: np.ndarray, dose: float, p: dict[str, float]) -> np.ndarray:
    """Concentration (mg/L) after one oral dose (mg): one compartment, first-order absorption after a lag."""
    since = np.maximum(np.asarray(time, dtype=float) - p["Lag"], 0.0)
    elimination = p["CL"] / p["V"]
    scale = dose * p["Ka"] / (p["V"] * (p["Ka"] - elimination))
    return scale * (np.exp(-elimination * since) - np.exp(-p["Ka"] * since))


def activity(times: tuple[float, ...], dose: float, p: dict[str, float]) -> np.ndarray:
    """PCA (%): turnover whose production warfarin inhibits, from its baseline at time 0."""

    def slope(time: float, state: np.ndarray) -> np.ndarray:
        c = concentration(np.array(time), dose, p)
        return p["Kout"] * (p["E0"] * (1 - EMAX * c / (p["C50"] + c)) - state)

    solution = solve_ivp(slope, (0.0, max(times)), [p["E0"]], t_eval=times, rtol=1e-9, atol=1e-9, max_step=1.0)
    return solution.y[0]


def individual(weight: float, generator: np.random.Generator) -> dict[str, float]:
    """Draw the parameters of one subject."""
    eta = dict(zip(SD, generator.standard_normal(len(SD)), strict=True))
    eta["V"] = CORRELATION_CL_V * eta["CL"] + np.sqrt(1 - CORRELATION_CL_V**2) * eta["V"]
    p = {name: TYPICAL[name] * np.exp(SD[name] * eta[name]) for name in TYPICAL}
    p["CL"] *= (weight / 70) ** 0.75
    p["V"] *= weight / 70
    return p


def subject(number: int, generator: np.random.Generator) -> list[list]:
    """Return the records of one subject: the dose, then concentrations and activities in order of time."""
    sex = int(generator.random() < 0.8)  # 1 man, 0 woman
    weight = round(float(np.clip(generator.normal(73 if sex else 58, 11), 40, 110)), 1)
    age = int(generator.integers(21, 64))
    dose = round(DOSE_PER_KG * weight)
    p = individual(weight, generator)
    early = [time for time in PK_TIMES if time < 12 and time > p["Lag"] and generator.random() < 0.6]
    times = (*early, *(time for time in PK_TIMES if time >= 12))
    true = concentration(np.array(times), dose, p)
    noise = np.hypot(PK_ADDITIVE, PK_PROPORTIONAL * true) * generator.standard_normal(len(times))
    effect = activity(PD_TIMES, dose, p) + PD_ADDITIVE * generator.standard_normal(len(PD_TIMES))
    observed = [(time, f"{value:.2f}", "cp") for time, value in zip(times, true + noise, strict=True)]
    observed += [(time, f"{value:.1f}", "pca") for time, value in zip(PD_TIMES, effect, strict=True)]
    about = [weight, age, sex]
    records = [[number, 0, dose, ".", ".", *about]]
    return records + [[number, f"{time:g}", ".", value, label, *about] for time, value, label in sorted(observed, key=lambda one: one[0])]


def main() -> None:
    """Write the data set."""
    generator = np.random.default_rng(SEED)
    with TARGET.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["ID", "TIME", "AMT", "DV", "DVID", "WT", "AGE", "SEX"])
        for number in range(1, SUBJECTS + 1):
            writer.writerows(subject(number, generator))


if __name__ == "__main__":
    main()
