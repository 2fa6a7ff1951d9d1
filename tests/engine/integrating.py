"""Differential equations from their text, solved by the engine at chosen times, and single calls of its integrators."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from dosing_jets import Solver as Stepper
from numba import njit

from popmix.engine.compiled import call_at
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.model import read

NO_EFFECTS = np.zeros(0)
_MODEL = """from popmix import *

class Written(Model):
{lines}
{observations}
"""


def problem_of(
    lines: str, observed: Sequence[str], times: Sequence[float], solver: Solver = AUTOMATIC, rows: Sequence[dict] = ()
) -> Problem:
    """Bind a model of `lines` to one subject with dosing `rows` from time 0 on, seen in all `observed` expressions at all times."""
    body = "\n".join(f"    {line.strip()}" for line in lines.strip().splitlines())
    seen = "\n".join(f'    O{k} = Observation({text}, additive=1, dvid="{k}")' for k, text in enumerate(observed))
    table = [{"TIME": 0.0, "EVID": 2}, *({"TIME": 0.0, "EVID": 1} | row for row in rows)]
    table += [{"TIME": float(time), "EVID": 0, "DV": 1.0, "DVID": str(k)} for time in times for k in range(len(observed))]
    names = dict.fromkeys(name for row in table for name in row)
    table = [{"ID": 1} | {name: row.get(name) for name in names} for row in sorted(table, key=lambda row: row["TIME"])]
    data = pl.DataFrame(table, infer_schema_length=None)
    return bind(read(_MODEL.format(lines=body, observations=seen)), data, solver=solver)


def with_solver(problem: Problem, method: str, tolerance: float) -> Problem:
    """Return the problem with another method and tolerance in the engine."""
    own = Solver(method, tolerance)
    code = problem.code._replace(method=own.code, tolerance=tolerance)
    return Problem(**{**vars(problem), "code": code, "solver": own})


def solution(problem: Problem, eta: np.ndarray = NO_EFFECTS) -> np.ndarray:
    """Return what is observed [times, observed]."""
    return Stepper(problem).values(eta).reshape(-1, len(problem.compiled.endpoints))


@njit
def _integrate(address, start, end, code, work):
    return call_at(address, (0, 0, start, end, code, work))


def integrate(address: int, own: Stepper, x: Sequence[float], start: float, end: float) -> int:
    """Carry plain values of the states from `start` to `end` by one integrator of the engine; returns its status."""
    flow = own.work.flow
    flow.order[0], flow.s[0], flow.is_infusing[0] = 0, 0, 0
    flow.x[: len(x)] = x
    return _integrate(address, start, end, own.bundles[0], own.bundles[2])
