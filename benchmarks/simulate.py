"""Simulate the data of the benchmarks: `python benchmarks/simulate.py FOLDER` writes five CSV files.

One- and two-compartment oral models, allometric weight (0.75 on clearances, 1 on volumes), log-normal random effects,
proportional residual error, single doses of 60, 120 or 240 by subject, eight samples. The truth stands in `TRUTHS`.

Target-mediated disposition of a bolus at quasi-steady state (100 subjects): the same weights and error model, four doses, free drug
at up to eleven times, as far as it can be measured. Steady states (1000 subjects): a design without real data, to be predicted only.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

SIZES = (120, 1000)
DOSES = (60.0, 120.0, 240.0)
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)


TARGETED_DOSES = (15.0, 60.0, 240.0, 960.0)
TARGETED_TIMES = (0.05, 0.5, 1.0, 3.0, 7.0, 14.0, 21.0, 28.0, 42.0, 56.0)
# CL, V, Q, V2, R0, KSS, KINT, KDEG at 70 kg, nM and days
TARGETED = (0.25, 3.0, 0.5, 2.5, 5.0, 0.5, 0.2, 0.8)
LEAST_MEASURED = 0.02


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


def free_drug(values: np.ndarray, dose: float, times: np.ndarray) -> np.ndarray:
    """Return free drug after a bolus: all drug A and all target T per central volume, binding at quasi-steady state.

    The positive root C of C^2 + (KSS + T - A) C - KSS A = 0 is free, T C / (KSS + C) is bound.
    """
    cl, v, q, v2, r0, kss, kint, kdeg = values

    def free_of(total: float, target: float) -> float:
        b = total - target - kss
        return (b + np.sqrt(b**2 + 4 * kss * total)) / 2

    def slopes(_: float, state: np.ndarray) -> list[float]:
        total, outside, target = state
        free = free_of(total, target)
        bound = target * free / (kss + free)
        out = q / v * free - q / v2 * outside
        return [-cl / v * free - out - kint * bound, out, kdeg * (r0 - target) - (kint - kdeg) * bound]

    # the peripheral compartment in the amount per central volume, like the others
    found = solve_ivp(slopes, (0.0, times[-1]), [dose / v, 0.0, r0], t_eval=times, method="LSODA", rtol=1e-9, atol=1e-12)
    return free_of(found.y[0], found.y[2])


def targeted_rows(n_subjects: int) -> list[str]:
    """Return the lines of the data of target-mediated disposition; log-normal effects on CL, V and R0, proportional error."""
    random = np.random.default_rng(3100)
    lines = ["ID,TIME,DV,AMT,EVID,CMT,WT"]
    for subject in range(1, n_subjects + 1):
        weight, dose = round(float(70 * np.exp(0.2 * random.normal())), 1), TARGETED_DOSES[(subject - 1) % 4]
        eta = np.zeros(8)
        eta[[0, 1, 4]] = random.normal(size=3) * (0.3, 0.2, 0.3)
        values = np.array(TARGETED) * (weight / 70) ** np.array([0.75, 1, 0.75, 1, 0, 0, 0, 0]) * np.exp(eta)
        times = np.round(np.array(TARGETED_TIMES) * random.uniform(0.95, 1.05, len(TARGETED_TIMES)), 4)
        observed = free_drug(values, dose, times) * (1 + 0.15 * random.normal(size=len(times)))
        lines.append(f"{subject},0,.,{dose:g},1,1,{weight}")
        measured = zip(times[observed > LEAST_MEASURED], observed[observed > LEAST_MEASURED], strict=True)
        lines += [f"{subject},{time:g},{value:.6g},.,0,1,{weight}" for time, value in measured]
    return lines


def steady_rows(n_subjects: int) -> list[str]:
    """Return the lines of a design: 100 mg every 12 h at steady state and two samples, whose values stand for nothing."""
    lines = ["ID,TIME,DV,AMT,EVID,SS,II"]
    for subject in range(1, n_subjects + 1):
        lines += [f"{subject},0,.,100,1,1,12", *(f"{subject},{time},1,.,0,.,." for time in (2, 11))]
    return lines


def write(folder: Path) -> None:
    """Write sim_oral1_120.csv and the others into a folder."""
    (folder / "sim_tmdd_qss_100.csv").write_text("\n".join(targeted_rows(100)) + "\n", encoding="utf-8")
    for name, truth in TRUTHS.items():
        for size in SIZES:
            (folder / f"sim_{name}_{size}.csv").write_text("\n".join(rows(truth, size)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write(target)
