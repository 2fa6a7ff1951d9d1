"""Simulate the oral benchmark data: one dose, eight samples, allometric weight, as described in benchmarks/README.md."""

import numpy as np


def oral1(n_subjects: int, seed: int = 1001) -> dict[str, np.ndarray]:
    """Return columns of a one-compartment oral trial: CL 4, V 70, ka 1; omega² 0.09, 0.04, 0.16; proportional SD 0.15."""
    random = np.random.default_rng(seed)
    weight = np.round(random.normal(70, 12, n_subjects).clip(40, 120), 1)
    eta = random.normal(size=(n_subjects, 3)) * np.sqrt([0.09, 0.04, 0.16])
    cl = 4 * (weight / 70) ** 0.75 * np.exp(eta[:, 0])
    v = 70 * weight / 70 * np.exp(eta[:, 1])
    ka = np.exp(eta[:, 2])
    dose = np.array([60.0, 120.0, 240.0])[np.arange(n_subjects) % 3]
    nominal = np.array([0.25, 0.5, 1, 2, 4, 8, 12, 24])
    time = np.round(nominal * random.uniform(0.95, 1.05, (n_subjects, 8)), 4)
    k = cl / v
    f = (dose * ka / (v * (ka - k)))[:, None] * (np.exp(-k[:, None] * time) - np.exp(-ka[:, None] * time))
    dv = f * (1 + 0.15 * random.normal(size=f.shape))
    return _event_table(n_subjects, time, np.round(dv, 6), dose, weight)


def _event_table(n_subjects: int, time: np.ndarray, dv: np.ndarray, dose: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    per_subject = time.shape[1] + 1
    zero, missing = np.zeros((n_subjects, 1)), np.full((n_subjects, 1), np.nan)
    amount = np.hstack([dose[:, None], np.zeros_like(time)])
    return {
        "ID": np.repeat(np.arange(1, n_subjects + 1), per_subject),
        "TIME": np.hstack([zero, time]).ravel(),
        "DV": np.hstack([missing, dv]).ravel(),
        "AMT": amount.ravel(),
        "EVID": (amount > 0).astype(int).ravel(),
        "WT": np.repeat(weight, per_subject),
    }
