"""Effective draws per second of NUTS: `python benchmarks/nuts.py [--numpyro PYTHON]`.

Theophylline (closed form, 4 chains of 1000 draws), and a Michaelis-Menten elimination solved as differential equations, the latter against
numpyro with diffrax on the same posterior, in another Python interpreter that has both. Seconds include the search of the mode and the
tuning; numpyro's compilation is counted apart. The least effective draws of any population parameter count.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
from measuring import HERE

import popmix
from popmix import Estimate, Fixed, LogNormal, Model, Observation, State, Theta, priors
from popmix.app.theophylline import Theophylline
from popmix.data import datasets


class Saturable(Model):
    """A bolus that is eliminated by Michaelis and Menten."""

    tvVmax = Theta(5.0, lower=0, prior=priors.LogNormal(1.6, 1))
    tvKm = Theta(3.0, lower=0, prior=priors.LogNormal(1.1, 1))
    Vmax = LogNormal(tvVmax, iiv=Estimate(0.3, prior=priors.HalfNormal(1)))
    Km = LogNormal(tvKm, iiv=Estimate(0.3, prior=priors.HalfNormal(1)))
    A = State()
    A.dt = -Vmax * A / (Km + A)
    DV = Observation(A, additive=Fixed(0.05), proportional=Estimate(0.1, prior=priors.HalfNormal(1)))


def simulated(n: int = 20) -> pl.DataFrame:
    """Return `n` subjects with eight observations each, by a fine Runge-Kutta integration."""
    generator, rows, times = np.random.default_rng(3), [], (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    for subject in range(n):
        dose = (10.0, 20.0, 40.0)[subject % 3]
        vmax, km = 5 * np.exp(0.3 * generator.standard_normal()), 3 * np.exp(0.3 * generator.standard_normal())
        rows.append((subject, 0.0, dose, None))
        amount, now, step = dose, 0.0, 1e-3
        for time_ in times:
            while now < time_ - step / 2:
                middle = amount - step / 2 * vmax * amount / (km + amount)
                amount, now = amount - step * vmax * middle / (km + middle), now + step
            noise = generator.standard_normal(2)
            rows.append((subject, time_, 0.0, amount * (1 + 0.1 * noise[0]) + 0.05 * noise[1]))
    return pl.DataFrame(rows, schema=["ID", "TIME", "AMT", "DV"], orient="row")


def measured(model: type[Model], data: object, method: popmix.NUTS) -> tuple[dict[str, float], dict[str, float], float, popmix.Posterior]:
    """Return effective draws and means by parameter, and the seconds of the whole call."""
    begin = time.perf_counter()
    found = popmix.fit(model, data, method)
    seconds = time.perf_counter() - begin
    rows = {str(row["name"]): row for row in found.summary().rows()}
    return {name: row["ess_bulk"] for name, row in rows.items()}, {name: row["mean"] for name, row in rows.items()}, seconds, found


def show(title: str, ess: dict[str, float], means: dict[str, float], seconds: float) -> float:
    """Print a table; return the least effective draws per second."""
    print(f"\n{title}: {seconds:.2f} s\n\n| parameter | mean | ESS | ESS/s |\n|---|---|---|---|")
    for name, count in ess.items():
        print(f"| {name} | {means[name]:.4g} | {count:.0f} | {count / seconds:.0f} |")
    return min(ess.values()) / seconds


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--numpyro", help="a Python interpreter with numpyro, diffrax and arviz")
    python = parser.parse_args().numpyro
    popmix.fit(Theophylline, datasets.load("theophylline"), popmix.NUTS(chains=1, draws=10, tune=50)).summary()
    least = show("Theophylline, popmix", *measured(Theophylline, datasets.load("theophylline"), popmix.NUTS())[:3])
    print(f"\nleast: {least:.0f} effective draws per second (the target is 200)")
    data = simulated()
    popmix.fit(Saturable, data, popmix.NUTS(chains=1, draws=10, tune=50))
    ours = show("Michaelis-Menten, popmix", *measured(Saturable, data, popmix.NUTS())[:3])
    if python is None:
        print("\nnumpyro was not asked for: --numpyro PYTHON")
        return
    text = json.dumps({name: data[name].to_list() for name in data.columns})
    told = subprocess.run([python, str(Path(HERE) / "numpyro_nuts.py")], input=text, capture_output=True, text=True, check=True)
    other = json.loads(told.stdout.splitlines()[-1])
    theirs = show(
        f"Michaelis-Menten, numpyro (without {other['compiling']:.0f} s to compile)", other["ess"], other["mean"], other["seconds"]
    )
    print(f"\npopmix: {ours:.1f}, numpyro: {theirs:.2f} effective draws per second, {ours / theirs:.0f} times as many")


if __name__ == "__main__":
    main()
