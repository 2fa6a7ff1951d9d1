"""Measure Laplace, the covariance of the estimates, SAEM and importance sampling: `python benchmarks/methods.py [--data FOLDER]`."""

import statistics
from pathlib import Path

from measuring import median, model_of, table, with_data

import popmix
from popmix.data import EventTable
from popmix.model.model import Model

SAEM = popmix.SAEM(chains=3, exploration=300, smoothing=200, automatic=False)


def measure(folder: Path) -> None:
    """Print the tables."""
    oral1 = model_of("oral1")
    small, large = (popmix.read(folder / f"sim_oral1_{size}.csv") for size in (120, 1000))
    demo = popmix.demo()
    estimators(demo.model, demo.data, oral1, small, large)
    covariances({"theophylline": (demo.model, demo.data), "oral1, 120": (oral1, small), "oral1, 1000": (oral1, large)})


def estimators(model: Model, data: EventTable, oral1: Model, small: EventTable, large: EventTable) -> None:
    """(g1): estimations by other methods, engine loaded and data read."""
    tasks = (
        ("Laplace, oral1, 120 subjects", oral1, small, popmix.Laplace(), "0.4"),
        ("Laplace, oral1, 1000 subjects", oral1, large, popmix.Laplace(), "3"),
        ("quadrature of order 5, oral1, 120 subjects", oral1, small, popmix.AGQ(order=5), ""),
        ("SAEM, 300 + 200 iterations, three chains, theophylline", model, data, SAEM, "0.4"),
        ("the same, oral1, 120 subjects", oral1, small, SAEM, "1"),
        ("IMP, 1000 draws, theophylline", model, data, popmix.IMP(), ""),
        ("IMP, 1000 draws, oral1, 120 subjects", oral1, small, popmix.IMP(), ""),
    )
    rows = []
    for name, own, table_of, method, target in tasks:
        found = [popmix.fit(own, table_of, method, seed=seed).timing["fit"] for seed in range(1, 5)][1:]
        rows.append((name, f"{statistics.median(found):.2f}", target))
    table("(g1) Other estimators, two threads", ("what", "s", "target"), rows)


def covariances(problems: dict[str, tuple[Model, EventTable]]) -> None:
    """(g2): the sandwich after FOCEI, against the fit in the same run."""
    rows = []
    for name, (model, data) in problems.items():
        found = popmix.fit(model, data)
        one, two = median(lambda m=model, d=data: popmix.fit(m, d), 5), median(lambda f=found: popmix.covariance(f), 5)
        rows.append((name, f"{one:.3f}", f"{two:.3f}", f"{two / one:.2f}"))
    table("(g2) Covariance of the estimates (sandwich) after FOCEI", ("data", "fit, s", "covariance, s", "ratio (target 1)"), rows)


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
