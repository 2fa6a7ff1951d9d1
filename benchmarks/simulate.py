"""Simulate the data of the benchmarks: `python benchmarks/simulate.py FOLDER` writes four CSV files.

One- and two-compartment oral models, allometric weight (0.75 on clearances, 1 on volumes), log-normal random effects,
proportional residual error, single doses of 60, 120 or 240 by subject, eight samples. The truth stands in `TRUTHS`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIZES = (120, 1000)
DOSES = (60.0, 120.0, 240.0)
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)


@dataclass(frozen=True)
class Truth:
    """Typical values at 70 kg (CL, V, ka, or CL, VC, Q, VP, KA), variances of the random effects, residual SD."""

    typical: tuple[float, ...]
    exponents: tuple[float, ...]
    variances: tuple[float, ...]
    proportional: float
    seed: int


TRUTHS = {
    "oral1": Truth((4.0, 70.0, 1.0), (0.75, 1.0, 0.0), (0.09, 0.04, 0.16), 0.15, 1000),
    "oral2": Truth((4.0, 70.0, 4.0, 40.0, 1.0), (0.75, 1.0, 0.75, 1.0, 0.0), (0.09,) * 5, 0.20, 2000),
}


def concentration(values: np.ndarray, dose: float, times: np.ndarray) -> np.ndarray:
    """Return concentrations after an oral dose: a sum of exponentials, the modes of the disposition and the absorption."""
    cl, v, *distribution, ka = values
    rates, shares = np.array([cl / v]), np.ones(1)
    if distribution:
        q, peripheral = distribution
        back = q / peripheral
        total, product = cl / v + q / v + back, cl / v * back
        root = np.sqrt(total**2 - 4 * product)
        rates = np.array([total + root, total - root]) / 2
        shares = (back - rates) / (rates[::-1] - rates)
    modes = np.exp(-np.outer(times, rates)) - np.exp(-ka * times)[:, None]
    return dose / v * modes @ (shares * ka / (ka - rates))


def rows(truth: Truth, n_subjects: int) -> list[str]:
    """Return the lines of a data file; one seed per population."""
    random = np.random.default_rng(truth.seed + n_subjects)
    lines = ["ID,TIME,DV,AMT,EVID,CMT,WT,SEX"]
    for subject in range(1, n_subjects + 1):
        weight, sex, dose = round(float(70 * np.exp(0.2 * random.normal())), 1), random.integers(2), DOSES[(subject - 1) % 3]
        eta = random.normal(size=len(truth.typical)) * np.sqrt(truth.variances)
        values = np.array(truth.typical) * (weight / 70) ** np.array(truth.exponents) * np.exp(eta)
        times = np.round(np.array(TIMES) * random.uniform(0.95, 1.05, len(TIMES)), 4)
        observed = concentration(values, dose, times) * (1 + truth.proportional * random.normal(size=len(times)))
        lines.append(f"{subject},0,.,{dose:g},1,1,{weight},{sex}")
        lines += [f"{subject},{time:g},{value:.6g},.,0,2,{weight},{sex}" for time, value in zip(times, observed, strict=True)]
    return lines


def write(folder: Path) -> None:
    """Write sim_oral1_120.csv and the others into a folder."""
    for name, truth in TRUTHS.items():
        for size in SIZES:
            (folder / f"sim_{name}_{size}.csv").write_text("\n".join(rows(truth, size)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write(target)
