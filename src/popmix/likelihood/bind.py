"""The gate: a model in names and a data set in columns become the arrays of a `Problem`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from popmix.compiler.build import CompiledModel, compile_model
from popmix.compiler.lowered import Circumstances
from popmix.data import EventTable, Expectation, read
from popmix.data.findings import some
from popmix.engine.events import AT_ONCE, DURATION_GIVEN, DURATION_MODELLED, RATE_GIVEN, RATE_MODELLED, Timeline
from popmix.engine.link import engine_code
from popmix.errors import DataError, OptionError, SupportError
from popmix.likelihood.covariates import Records, records_of
from popmix.likelihood.effects import Effects
from popmix.likelihood.expectation import expectation_of
from popmix.likelihood.groupings import Groupings, groupings_of
from popmix.likelihood.observations import Observed, Scored, observed_records, rows_of_events, scored_records
from popmix.likelihood.problem import Problem
from popmix.likelihood.solver import AUTOMATIC, Solver, check_solver
from popmix.likelihood.timeline import Doses, doses_of, timeline_events
from popmix.model.model import Model


def bind(
    model: Model,
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    weights: np.ndarray | None = None,
    solver: Solver = AUTOMATIC,
) -> Problem:
    """Bind a model to data (a path, a data frame or an EventTable) and return the Problem.

    `columns` maps roles and covariates to other column names, as in `popmix.read`. `weights`: one non-negative
    number per subject, in the order of first appearance; weight 2 counts a subject twice. `solver` says how
    differential equations are solved.
    Raises SupportError for features that can't be fitted, DataError for faults of the data, OptionError for wrong weights.
    """
    check_solver(solver)
    expectation = expectation_of(model)
    table = read(data, columns=columns, expectation=expectation)
    _require(model, table)
    observed = observed_records(model, expectation, table)
    groupings = groupings_of(model, table)
    records = records_of(model, table, groupings)
    circumstances = Circumstances(records.varying, tuple((one.name, one.most) for one in groupings.below), observed.censored)
    compiled = compile_model(model, circumstances, positive=records.positive, as_equations=solver.as_equations)
    _refuse_equations(model, compiled, solver)
    effects = Effects.of(compiled.lowered.parameters, circumstances.below)
    scored = scored_records(compiled, expectation, table, observed)
    return Problem(
        model=model,
        data=table,
        compiled=compiled,
        code=engine_code(compiled, solver.code, solver.tolerance),
        timeline=_timeline(compiled, expectation, table, records, observed, scored),
        groupings=groupings,
        effects=effects,
        constants=scored.constants,
        n_gaussian=scored.n_gaussian,
        weights=_checked_weights(weights, table, groupings if effects.n_above else None),
        circumstances=circumstances,
        solver=solver,
    )


def _refuse_equations(model: Model, compiled: CompiledModel, solver: Solver) -> None:
    """Raise SupportError for equations that can't be solved as they are asked to be."""
    if compiled.lowered.dynamics and compiled.reads_time_after_dose and any(kind == "lag" for kind, _ in compiled.dosing):
        raise SupportError(f"the equations of {model.name} read TAD, the time after a dose, and a dose has a lag=: use one or the other.")
    if solver.method == "exponential" and compiled.lowered.dynamics and (not compiled.is_linear or compiled.profiles):
        raise SupportError(f"the equations of {model.name} are not linear: Solver(method='exponential') can't solve them; 'auto' can.")


def _require(model: Model, table: EventTable) -> None:
    missing = [name for name in model.covariates if name not in table.covariates]
    if missing:
        raise DataError(f"the data {Path(table.source).name} lack {', '.join(missing)}, declared as Covariate in {model.name}.")
    if table.n_observations == 0:
        raise DataError("the data hold no observation: nothing can be fitted.")


def _timeline(
    compiled: CompiledModel, expectation: Expectation, table: EventTable, records: Records, observed: Observed, scored: Scored
) -> Timeline:
    inside = compiled.lowered.compartments
    positions = {name: inside.index(name) for name in expectation.compartments}
    doses = doses_of(table, expectation, positions) if positions else Doses.none()
    doses = _simplified(compiled, doses)
    _refuse_profiles(compiled, doses, table)
    _refuse_clock(compiled, doses, table)
    hidden = compiled.lowered.hidden
    emptied = {len(inside) - len(hidden) + k: observed.rows[observed.endpoint == name] for k, name in enumerate(hidden)}
    opening = np.intersect1d(rows_of_events(expectation, observed), table.starts[:-1])
    events = timeline_events(table, doses, positions, expectation, emptied, opening)
    observation = np.full(table.n_rows, -1)
    observation[scored.rows] = np.arange(len(scored.rows))
    return Timeline(
        **events.columns(observation),
        first_row=table.starts[:-1].astype(np.int64),
        at=records.at,
        between=records.between,
        times=np.column_stack([table.time, events.time_after_dose, scored.values]),
        first_observation=np.searchsorted(table.subject[scored.rows], np.arange(table.n_subjects + 1)).astype(np.int64),
        y=scored.y,
        endpoint=scored.endpoint,
        observed_row=scored.rows.astype(np.int64),
        moving=_moving(compiled, doses),
        modelled=_are_modelled(doses),
        n_trains=events.n_trains,
    )


def _simplified(compiled: CompiledModel, doses: Doses) -> Doses:
    """Give doses of a given duration their rate, where no bioavailability changes it."""
    scaled = np.isin(doses.compartment, [compartment for kind, compartment in compiled.dosing if kind == "f"])
    return replace(doses, form=np.where((doses.form == DURATION_GIVEN) & ~scaled, RATE_GIVEN, doses.form))


def _refuse_profiles(compiled: CompiledModel, doses: Doses, table: EventTable) -> None:
    """Raise SupportError for doses that can't arrive by an absorption profile: infusions, and those at steady state."""
    wrong = np.isin(doses.compartment, compiled.profiles) & ((doses.form != AT_ONCE) | doses.steady | doses.constant)
    if np.any(wrong):
        labels = some({compiled.lowered.compartments[c] for c in doses.compartment[wrong].tolist()})
        raise SupportError(
            f"doses into {labels} arrive by an absorption profile (profile=), which infusions (RATE, DUR) and steady states (SS) can't: "
            f"{some(dict.fromkeys(table.row[doses.row[wrong]].tolist()), 'row')}. Write the doses out with ADDL, or take ka= instead."
        )


def _refuse_clock(compiled: CompiledModel, doses: Doses, table: EventTable) -> None:
    """Raise SupportError for steady states of equations that change with the clock: no interval is like the one before."""
    steady = doses.steady | doses.constant
    if compiled.lowered.dynamics and compiled.reads_time and np.any(steady):
        rows = some(dict.fromkeys(table.row[doses.row[steady]].tolist()), "row")
        raise SupportError(
            f"equations that read T have no steady state (SS), since T differs from one interval to the next: {rows}. "
            "Write the doses out with ADDL from an early time on."
        )


def _moving(compiled: CompiledModel, doses: Doses) -> bool:
    kinds = {kind for kind, _ in compiled.dosing}
    return "lag" in kinds or ("f" in kinds and bool(np.any(doses.form == RATE_GIVEN))) or _are_modelled(doses)


def _are_modelled(doses: Doses) -> bool:
    return bool(np.any(np.isin(doses.form, (DURATION_GIVEN, RATE_MODELLED, DURATION_MODELLED))))


def _checked_weights(weights: np.ndarray | None, table: EventTable, shared: Groupings | None) -> np.ndarray:
    if weights is None:
        return np.ones(table.n_subjects)
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (table.n_subjects,):
        raise OptionError(f"weights must be one number for each of the {table.n_subjects} subjects, not an array of shape {weights.shape}.")
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise OptionError("weights must be finite and not negative.")
    if not np.any(weights > 0):
        raise OptionError("all weights are zero: no subject would count.")
    outermost = shared.above[0] if shared else None
    if outermost and any(len(set(weights[outermost.group == group].tolist())) > 1 for group in set(outermost.group.tolist())):
        names = ", ".join(level.name for level in shared.above)
        raise OptionError(f"weights of subjects that share effects of {names} must be equal: only whole groups can be counted.")
    return weights
