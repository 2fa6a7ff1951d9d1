"""Measure SAEM, 300 + 200 iterations with three chains: `python benchmarks/saem.py [--data FOLDER]`."""

from pathlib import Path

import numpy as np
from measuring import HERE, table, with_data

import popmix

METHOD = popmix.SAEM(chains=3, exploration=300, smoothing=200, automatic=False)
TARGETS = {"theophylline": 0.4, "120 subjects": 1.0}


def seconds(model: object, data: object) -> float:
    """Return the median of five estimations, engine loaded and data read."""
    return float(np.median([popmix.fit(model, data, METHOD, seed=seed).timing["fit"] for seed in range(6)][1:]))


def measure(folder: Path) -> None:
    """Print the table."""
    demo = popmix.demo()
    rows = [("theophylline", demo.model, demo.data)]
    rows.append(("120 subjects", popmix.load(HERE / "models" / "oral1.py"), popmix.read(folder / "sim_oral1_120.csv")))
    shown = [(name, f"{seconds(model, data):.2f}", f"{TARGETS[name]}") for name, model, data in rows]
    table("SAEM, 300 + 200 iterations, three chains", ("data", "seconds", "target"), shown)


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
