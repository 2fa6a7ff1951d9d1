"""Benchmarks of differential equations; run by `run.py`, or alone: `python benchmarks/equations.py [--data FOLDER]`.

All times are the least of several repeats, on two threads unless it is said otherwise.
"""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import simulate
from measuring import effects, fastest, model_of, part, table, with_data

import popmix
from popmix.likelihood import Problem, Solver, bind
from popmix.model.parameters import Parameters, parameters_of

THREADS = 2
WAYS = {"closed form": Solver(), "equations to 1e-6": Solver("nonstiff", 1e-6), "equations to 1e-8": Solver("nonstiff")}
# how far an estimate may lie from the truth of the simulation: five standard errors or so of the worst known of 100 subjects
NEAR = 0.2


def solve(problem: Problem, parameters: Parameters, etas: np.ndarray, slopes: bool, threads: int = THREADS) -> Callable[[], object]:
    """Return a population solve: predictions of all subjects, with or without the first sensitivities of all states."""
    return lambda: problem.predictions(parameters, etas, slopes=slopes, threads=threads)


def populations(folder: Path) -> dict[str, float]:
    """(e1): two-compartment oral, 1000 subjects, by closed form and by equations. Returns the seconds with sensitivities."""
    found, rows = {}, []
    for way, solver in WAYS.items():
        problem = part(folder, "oral2", 1000, solver)
        parameters, etas = parameters_of(problem.model), effects(problem, 0.3)
        states, found[way] = (fastest(solve(problem, parameters, etas, slopes), 30) for slopes in (False, True))
        target = "40" if "1e-6" in way else ""
        over = found[way] / found["closed form"]
        rows.append((way, f"{1e3 * states:.1f}", f"{1e3 * found[way]:.1f}", target, f"{over:.1f}"))
    head = ("how", "states, ms", "with all first sensitivities, ms", "target", "the latter over the closed form")
    table("(e1) Population solve of oral2, 1000 subjects x 8 samples", head, rows)
    return found


def fits(folder: Path, solves: dict[str, float]) -> None:
    """(e2): FOCEI of the same data, by closed form and by equations, in seconds and in population solves with sensitivities."""
    model, data, rows = model_of("oral2"), popmix.read(folder / "sim_oral2_1000.csv"), []
    for way, solver in WAYS.items():
        target = "15" if solver.as_equations else "4"
        fitted = [popmix.fit(model, data, threads=THREADS, solver=solver) for _ in range(3)]
        least = min(one.timing["fit"] for one in fitted)
        found = fitted[0]
        evaluations = str(found.convergence.evaluations)
        rows.append((way, f"{least:.2f}", target, f"{least / solves[way]:.0f}", evaluations, f"{found.ofv:.4f}"))
    table("(e2) FOCEI of oral2, 1000 subjects", ("how", "s", "target", "population solves", "evaluations", "OFV"), rows)


def starts_off(truth: dict[str, float]) -> dict[str, dict[str, float]]:
    """Return start values: the truth, and all thetas 50 % off, upwards, downwards, and in turns."""
    up, down = ({name: factor * value for name, value in truth.items()} for factor in (1.5, 0.5))
    turns = [{name: (up, down)[(k + first) % 2][name] for k, name in enumerate(truth)} for first in (0, 1)]
    return {"the truth": {}, "all 50 % up": up, "all 50 % down": down, "up and down in turns": turns[0], "down and up in turns": turns[1]}


def target_mediated(folder: Path) -> None:
    """(e3): FOCEI of TMDD at quasi-steady state, 100 subjects, in seconds and in population solves with sensitivities."""
    model, data, rows = model_of("tmdd_qss"), popmix.read(folder / "sim_tmdd_qss_100.csv"), []
    problem, parameters = bind(model, data), parameters_of(model)
    one = fastest(solve(problem, parameters, effects(problem, 0.2), True), 10)
    truth = {name: parameters[name] for name in model.thetas}
    for label, start in starts_off(truth).items():
        found = popmix.fit(model, data, start=start, threads=THREADS)
        seconds = found.timing["fit"]
        away = max(abs(found.parameters[name] / value - 1) for name, value in truth.items())
        if not found.convergence.converged or away > NEAR:
            raise ValueError(f"from {label}: {found.convergence.reason}, {away:.0%} from the truth")
        evaluations = str(found.convergence.evaluations)
        rows.append((label, f"{seconds:.2f}", "20", f"{seconds / one:.0f}", evaluations, f"{found.ofv:.4f}", f"{away:.0%}"))
    head = ("start", "s", "target", "population solves", "evaluations", "OFV", "furthest theta from the truth")
    table(f"(e3) FOCEI of TMDD at quasi-steady state, 100 subjects (population solve: {1e3 * one:.1f} ms)", head, rows)


def stiffness(folder: Path) -> None:
    """(e4): TMDD with the kinetics of binding: binding a thousand times faster than the rest against binding as fast, automatic method."""
    problem = bind(model_of("tmdd"), folder / "sim_tmdd_qss_100.csv")
    slow = parameters_of(problem.model)
    fast, etas = slow.with_values({"KON": 1e3 * slow["KON"]}), effects(problem, 0.2)
    rows = []
    for what, slopes in (("states", False), ("states and all first sensitivities", True)):
        plain, stiff = (fastest(solve(problem, one, etas, slopes), 10) for one in (slow, fast))
        rows.append((what, f"{1e3 * plain:.1f}", f"{1e3 * stiff:.1f}", f"{stiff / plain:.2f}", "3"))
    table("(e4) Population solve of TMDD, 100 subjects", ("what", "not stiff, ms", "kon 1000 times as fast, ms", "ratio", "target"), rows)


def steady_states() -> None:
    """(e5): steady state of an oral dose with saturable elimination, and the same without one, per subject on one thread."""
    frame = pl.read_csv(StringIO("\n".join(simulate.steady_rows(1000))), null_values=".")
    rows, single = [], frame.with_columns(SS=pl.lit(0), II=pl.lit(0.0))
    ways = ((frame, "steady state and 2 samples", "1"), (single, "a single dose and 2 samples", ""))
    for data, what, target in ways:
        problem = bind(model_of("saturable"), data)
        parameters, etas = parameters_of(problem.model), effects(problem, 0.2)
        found = []
        for slopes in (False, True):
            least = fastest(solve(problem, parameters, etas, slopes, 1), 5)
            found.append(f"{1e3 * least / problem.n_subjects:.3f}")
        rows.append((what, *found, target))
    head = ("what", "states, ms per subject", "with all first sensitivities, ms per subject", "target")
    table("(e5) Steady state of two compartments with Michaelis-Menten elimination, oral, to 1e-8", head, rows)


def measure(folder: Path) -> None:
    """Print all tables."""
    solves = populations(folder)
    fits(folder, solves)
    target_mediated(folder)
    stiffness(folder)
    steady_states()


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
