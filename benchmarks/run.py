"""Measure popmix and print Markdown tables: `python benchmarks/run.py [--data FOLDER]`.

All ratios come from one run on one machine. README.md beside this file says what each figure means.
"""

import ctypes
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import diagnostics
import equations
import methods
import numpy as np
import outcomes
from measuring import HERE, in_turns, median, part, table, with_data

import popmix
from popmix.compiler.build import compile_model
from popmix.engine.predict import Predictions
from popmix.likelihood import Problem
from popmix.model.parameters import parameters_of

THEOPHYLLINE = HERE.parent / "examples" / "theophylline.py"
MODELS, SIZES, THREADS = ("oral1", "oral2"), (120, 1000), (1, 2)
PARTS = (125, 250, 500, 1000)
POPMIX = (sys.executable, "-m", "popmix")


def run(command: tuple[str, ...], cache: str | None = None) -> tuple[float, str]:
    """Run a process to its end; return wall seconds and what it printed. Raises CalledProcessError."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def wall(command: tuple[str, ...]) -> float:
    """Return the median wall seconds of five runs of a process."""
    return statistics.median(run(command)[0] for _ in range(5))


def start_up() -> None:
    """(a) and (b): whole processes, with a warm and with an empty cache."""
    data = str(popmix.datasets.path("theophylline"))
    fit = (*POPMIX, "fit", str(THEOPHYLLINE), data, "--json")
    run(fit)
    warm = [run(fit) for _ in range(5)]
    inside = statistics.median(json.loads(text)["timing"]["fit"] for _, text in warm)
    with TemporaryDirectory() as cache:
        first, _ = run(fit, cache)
    rows = [
        ("(a) `popmix fit` of theophylline, whole process, engine cache warm", f"{statistics.median(s for s, _ in warm):.2f}", "2"),
        ("(a) the fit in it", f"{inside:.3f}", "0.1"),
        ("(b) the same, first run with an empty engine cache (without the pip installation)", f"{first:.1f}", "45"),
        ("`import popmix`, whole process", f"{wall((sys.executable, '-c', 'import popmix')):.2f}", "0.6"),
        ("`popmix --help`, whole process", f"{wall((*POPMIX, '--help')):.2f}", "0.4"),
    ]
    rows += [(f"compilation of {name}", f"{compilation(name):.3f}", "0.2") for name in MODELS]
    table("Start", ("what", "s", "target"), rows)


def compilation(name: str) -> float:
    """Return the seconds from a loaded model to addresses of its compiled functions."""
    model = popmix.load(HERE / "models" / f"{name}.py")
    return median(lambda: compile_model.__wrapped__(model), 5)


def memory(folder: Path) -> None:
    """(c): peak memory of whole processes. A child starts with the peak of its parent, which must still be small."""
    program = (
        "import resource, sys; from popmix.cli import main\n"
        "try: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    unit = 1 if sys.platform == "darwin" else 1024
    rows = []
    for name in MODELS:
        files = str(HERE / "models" / f"{name}.py"), str(folder / f"sim_{name}_1000.csv")
        command = (sys.executable, "-c", program, "fit", *files, "--json")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append((name, f"{int(done.stderr.split()[-1]) * unit / 1e6:.0f}", "600"))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    table(f"(c) Peak memory of `popmix fit`, 1000 subjects (the measuring process: {own:.0f} MB)", ("model", "MB", "target"), rows)


def fits(folder: Path) -> None:
    """(c): FOCEI from the start values of the model, engine warm, without reading the data."""
    targets, rows = {120: "0.3", 1000: "2"}, []
    for name in MODELS:
        model = popmix.load(HERE / "models" / f"{name}.py")
        for size in SIZES:
            data, seconds = popmix.read(folder / f"sim_{name}_{size}.csv"), []
            for threads in THREADS:
                found = [popmix.fit(model, data, threads=threads) for _ in range(3)]
                seconds.append(statistics.median(one.timing["fit"] for one in found))
            target = targets[size] if name == "oral1" else ""
            row = (name, str(size), *(f"{one:.3f}" for one in seconds), f"{seconds[0] / seconds[1]:.2f}", target)
            rows.append((*row, str(found[0].convergence.evaluations)))
    table("(c) FOCEI", ("model", "subjects", "1 thread, s", "2 threads, s", "1 over 2", "target, s", "evaluations"), rows)


def evaluations(folder: Path) -> None:
    """(c): one evaluation of the objective with its gradient, modes started where they were a step before."""
    rows = []
    for name in MODELS:
        costs, ratio = [], 1.0
        for size in PARTS:
            problem = part(folder, name, size)
            parameters = parameters_of(problem.model)
            before = problem.foce(parameters, globally=True)
            moved = parameters.with_values({"tvCL": 1.02 * parameters["tvCL"], "tvKa": 0.97 * parameters["tvKa"]})
            one, two = evaluation(problem, moved, before.marginal.eta)
            costs.append(one)
            ratio = one / two
        per_subject = (f"{1e6 * cost / size:.1f}" for cost, size in zip(costs, PARTS, strict=True))
        rows.append((name, *per_subject, f"{1e3 * costs[-1]:.1f}", f"{ratio:.2f}"))
    head = ("model", *(f"{size} subjects" for size in PARTS), "all 1000, ms", "1 thread over 2 (target 1.7)")
    table("(c) One evaluation, microseconds per subject on 1 thread (linear: the same in every column)", head, rows)


def evaluation(problem: Problem, parameters: popmix.Parameters, modes: np.ndarray) -> list[float]:
    """Return the seconds of the fastest of fifteen evaluations on one and on two threads, measured in turns."""
    found: list[list[float]] = [[], []]
    for _ in range(15):
        for threads, seconds in zip(THREADS, found, strict=True):
            start = time.perf_counter()
            problem.foce(parameters, modes=modes, threads=threads)
            seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in found]


def solves(folder: Path) -> None:
    """(d): predictions and variances of 1000 subjects at given random effects, on one thread, against C."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("(d) There is no C compiler here: the population solve is not compared.\n")
        return
    problem = part(folder, "oral1", 1000)
    parameters, timeline = parameters_of(problem.model), problem.timeline
    eta = 0.2 * np.random.default_rng(1).normal(size=(problem.n_subjects, 3))
    theta, weight = parameters.values[:4].copy(), timeline.at[timeline.first_row, 0].copy()
    times, dose = problem.data.time[timeline.observed_row], problem.data.amt[timeline.first_row]
    found, variance = np.zeros((2, problem.n_observations))
    plain = (timeline.first_observation, dose, weight, times, theta, eta, found)
    events = (timeline.first_event, timeline.kind, timeline.time, timeline.amount, timeline.observation)
    walking = (*events, weight, theta, eta, found, variance)

    def own() -> Predictions:
        return problem.predictions(parameters, eta, slopes=False, threads=1)

    expected, labels = own(), ("popmix", "plain closed form in C", "events walked in C")
    with TemporaryDirectory() as target:
        plain_c = in_c(compiler, Path(target), "solve", problem.n_subjects, plain)
        walking_c = in_c(compiler, Path(target), "walk", problem.n_subjects, walking)
        for one, pairs in ((plain_c, [(found, expected.f)]), (walking_c, [(found, expected.f), (variance, expected.variance)])):
            found[:] = variance[:] = np.nan
            one()
            if not all(np.allclose(theirs, ours, rtol=1e-12, atol=0) for theirs, ours in pairs):
                raise ValueError("popmix and a program in C differ")
        measured = in_turns((own, plain_c, walking_c), 1000)
    rows = [(label, f"{1e6 * one:.0f}", f"{measured[0] / one:.2f}") for label, one in zip(labels, measured, strict=True)]
    table("(d) Population solve, 1000 subjects, in turns (target 1.5)", ("what", "microseconds", "popmix over it"), rows)


def in_c(compiler: str, target: Path, name: str, n_subjects: int, arrays: tuple[np.ndarray, ...]) -> Callable[[], object]:
    """Compile a C file with -O3 and return a call of its `solve`; `arrays` must outlive it."""
    library = target / f"{name}.so"
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", str(library), str(HERE / f"{name}.c"), "-lm"], check=True)
    solve = ctypes.CDLL(str(library)).solve
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    return lambda: solve(ctypes.c_long(n_subjects), *pointers)


def measure(folder: Path) -> None:
    """Print all tables; processes first, as long as this one is small."""
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}\n", flush=True)
    start_up()
    memory(folder)
    fits(folder)
    evaluations(folder)
    solves(folder)
    equations.measure(folder)
    outcomes.measure(folder)
    methods.measure(folder)
    diagnostics.measure(folder)


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
