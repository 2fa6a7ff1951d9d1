"""Three problems by all methods: a closed form, differential equations, a count: `python benchmarks/agreement.py [--write]`.

The likelihood at one place by quadrature of rising order and by importance sampling; the maxima, in standard errors from that of
quadrature; and the times. The table goes into docs/importance-sampling.md with `--write`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from nuts import simulated

import popmix
from popmix import LogNormal, Model, Normal, Observation, Poisson, State, T, Theta, exp

DOCS = Path(__file__).parents[1] / "docs" / "importance-sampling.md"
ORDERS = (1, 3, 5, 9, 15)


class Saturable(Model):
    """A bolus that is eliminated by Michaelis and Menten, as differential equations."""

    tvVmax, tvKm = Theta(5.0, lower=0), Theta(3.0, lower=0)
    Vmax = LogNormal(tvVmax, iiv=0.3)
    Km = LogNormal(tvKm, iiv=0.3)
    A = State()
    A.dt = -Vmax * A / (Km + A)
    DV = Observation(A, additive=0.05, proportional=0.1)


class Counts(Model):
    """Counts with a level and a trend of their own in every subject."""

    level, trend = Theta(1.0), Theta(-0.1)
    Start = Normal(level, iiv=0.6)
    Slope = Normal(trend, iiv=0.15)
    DV = Observation(Poisson(exp(Start + Slope * T)))


def counts() -> pl.DataFrame:
    """Return six counts of each of 60 subjects."""
    rng, rows = np.random.default_rng(12), []
    for subject in range(60):
        level, trend = 1.2 + 0.7 * rng.normal(), -0.15 + 0.2 * rng.normal()
        rows += [{"ID": subject, "TIME": float(t), "DV": float(rng.poisson(np.exp(level + trend * t)))} for t in range(6)]
    return pl.DataFrame(rows)


METHODS = {
    "AGQ(9)": popmix.AGQ(order=9),
    "IMPMAP": popmix.IMPMAP(),
    "IMP": popmix.IMP(),
    "SAEM": popmix.SAEM(),
    "Laplace": popmix.Laplace(),
    "FOCEI": popmix.FOCE(),
}


def compared(model: type[Model], data: object) -> list[str]:
    """Return the tables of one problem."""
    best = popmix.fit(model, data, popmix.AGQ(order=9))
    errors = popmix.covariance(best, "r")
    lines = ["| at the maximum | -2LL |", "|---|---|"]
    for order in ORDERS:
        name = "Laplace" if order == 1 else f"quadrature of order {order}"
        lines.append(f"| {name} | {popmix.evaluate(model, data, popmix.AGQ(order=order), at=best.parameters).minus2ll:.4f} |")
    for draws in (1000, 10_000):
        found = popmix.importance(best, draws=draws)
        lines.append(f"| {draws} draws | {found.minus2ll:.4f}, error {found.error:.4f} |")
    lines += ["", "| estimates by | OFV above the least | farthest, in SEs | seconds |", "|---|---|---|---|"]
    for name, method in METHODS.items():
        if name == "FOCEI" and model is Counts:
            continue
        popmix.fit(model, data, method)
        began = time.perf_counter()
        found = popmix.fit(model, data, method)
        seconds = time.perf_counter() - began
        above = popmix.evaluate(model, data, popmix.AGQ(order=9), at=found.parameters).ofv - best.ofv
        far = {one: (found.parameters[one] - best.parameters[one]) / errors.se[one] for one in errors.names}
        worst = max(far, key=lambda one: abs(far[one]))
        lines.append(f"| {name} | {above:.4f} | {far[worst]:+.3f} ({worst}) | {seconds:.2f} |")
    return lines


def main() -> None:
    """Print the tables, and write them into the page when told."""
    demo, lines = popmix.demo(), []
    problems = (
        ("Theophylline, a closed form (three effects)", demo.model, demo.data),
        ("A saturable elimination, integrated (two effects, 20 subjects)", Saturable, simulated()),
        ("Counts (two effects, 60 subjects)", Counts, counts()),
    )
    for title, model, data in problems:
        lines += [f"**{title}**", "", *compared(model, data), ""]
    text = "\n".join(lines).rstrip()
    print(text)
    if "--write" in sys.argv:
        page = DOCS.read_text(encoding="utf-8")
        head, tail = page.split("<!-- agreement: begin -->\n")[0], page.split("<!-- agreement: end -->")[1]
        note = "`python benchmarks/agreement.py --write`, 2 cores; the last rows are approximations, for comparison."
        DOCS.write_text(f"{head}<!-- agreement: begin -->\n{note}\n\n{text}\n<!-- agreement: end -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
