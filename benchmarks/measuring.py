"""What the benchmarks share: times of tasks, and Markdown tables."""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import simulate

import popmix
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind

HERE = Path(__file__).parent


def seconds(task: Callable[[], object], repeats: int) -> list[float]:
    """Return the seconds of repeated calls of a task, after one that is not counted."""
    task()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        found.append(time.perf_counter() - start)
    return found


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of a task."""
    return statistics.median(seconds(task, repeats))


def fastest(task: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of a task: what it takes when the machine does nothing else."""
    return min(seconds(task, repeats))


def in_turns(tasks: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Return the least seconds of each task, called in turns: a machine that is slower for a while is so for all of them."""
    least = [math.inf] * len(tasks)
    for _ in range(repeats):
        for k, task in enumerate(tasks):
            start = time.perf_counter()
            task()
            least[k] = min(least[k], time.perf_counter() - start)
    return least


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a Markdown table."""
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    print("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]), end="\n\n", flush=True)


def model_of(name: str) -> popmix.Model:
    """Return a model of the folder `models`."""
    return popmix.load(HERE / "models" / f"{name}.py")


def part(folder: Path, name: str, size: int, solver: Solver = AUTOMATIC) -> Problem:
    """Bind a model to the first subjects of its population of 1000."""
    frame = pl.read_csv(folder / f"sim_{name}_1000.csv", null_values=".", infer_schema_length=None)
    return bind(model_of(name), frame.filter(pl.col("ID") <= size), solver=solver)


def effects(problem: Problem, sd: float) -> np.ndarray:
    """Return random effects [subjects, etas], the same in every run."""
    return sd * np.random.default_rng(1).normal(size=(problem.n_subjects, problem.code.n_etas))


def with_data(measure: Callable[[Path], None], description: str) -> None:
    """Measure with the data of the folder that the command line gives, or with simulated ones."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, help="a folder with sim_oral1_120.csv and so on; default: simulated")
    folder = parser.parse_args().data
    if folder is not None:
        measure(folder)
        return
    with TemporaryDirectory() as target:
        simulate.write(Path(target))
        measure(Path(target))
