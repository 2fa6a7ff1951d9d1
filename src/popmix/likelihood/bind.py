"""The gate: a model in names and a data set in columns become the arrays of a `Problem`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from popmix.compiler.build import CompiledModel, compile_model
from popmix.data import FEATURES, EventTable, Expectation, read
from popmix.data.findings import some
from popmix.engine.events import AT_ONCE, DURATION_GIVEN, DURATION_MODELLED, RATE_GIVEN, RATE_MODELLED, Timeline
from popmix.engine.link import engine_code
from popmix.errors import DataError, OptionError, SupportError
from popmix.likelihood.covariates import Records, records_of
from popmix.likelihood.problem import Problem
from popmix.likelihood.solver import AUTOMATIC, Solver, check_solver
from popmix.likelihood.timeline import Doses, doses_of, timeline_events
from popmix.model.compartments import compartments, qualified
from popmix.model.expression import Reference
from popmix.model.library import is_linear
from popmix.model.model import Model

_FEATURES = FEATURES - {"censoring"}


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
    records = records_of(model, table)
    compiled = compile_model(model, records.varying, positive=records.positive, as_equations=solver.as_equations)
    _refuse_equations(model, compiled, solver)
    timeline = _timeline(compiled, expectation, table, records)
    return Problem(
        model=model,
        data=table,
        compiled=compiled,
        code=engine_code(compiled, solver.code, solver.tolerance),
        timeline=timeline,
        constants=_constants(compiled, timeline, table),
        weights=_checked_weights(weights, table),
        varying=tuple(sorted(records.varying)),
        solver=solver,
    )


def _refuse_equations(model: Model, compiled: CompiledModel, solver: Solver) -> None:
    """Raise SupportError for equations that can't be solved as they are asked to be."""
    if compiled.lowered.dynamics and compiled.reads_time_after_dose and any(kind == "lag" for kind, _ in compiled.dosing):
        raise SupportError(f"the equations of {model.name} read TAD, the time after a dose, and a dose has a lag=: use one or the other.")
    if solver.method == "exponential" and compiled.lowered.dynamics and (not compiled.is_linear or compiled.profiles):
        raise SupportError(f"the equations of {model.name} are not linear: Solver(method='exponential') can't solve them; 'auto' can.")


def expectation_of(model: Model) -> Expectation:
    """Return what a model expects of its data, in plain names."""
    labels = tuple(compartments(model))
    depots = frozenset({"depot"} & set(labels))
    has_states = bool(labels)
    observations = model.observations
    return Expectation(
        covariates={name: covariate.categories for name, covariate in model.covariates.items()},
        interpolation={name: one.interpolation for name, one in model.covariates.items() if one.interpolation},
        endpoints={name: one.dvid for name, one in observations.items()},
        compartments=labels,
        aliases=qualified(model),
        depots=depots,
        removable=_removable(model, labels),
        rates=_modelled(model, "rate"),
        durations=_modelled(model, "duration"),
        has_dosing=has_states,
        time_needed=has_states or _reads_time(model),
        ordered=has_states,
        features=_FEATURES,
        proportional=frozenset(name for name, one in observations.items() if _vanishes(one)),
        log_endpoints=frozenset(name for name, one in observations.items() if one.log_additive is not None),
    )


def _removable(model: Model, labels: tuple[str, ...]) -> frozenset[str]:
    """Return the compartments into which nothing flows but doses: depots, and a linear one that has no others."""
    structures = list(model.structures.values())
    if model.states or not all(is_linear(one) for one in structures if one.compartments):
        return frozenset()
    return frozenset({"depot"} & set(labels)) or frozenset(labels if len(labels) == 1 else ())


def _modelled(model: Model, attribute: str) -> frozenset[str]:
    """Return the compartments for which the model gives the rate or the duration of infusions."""
    label_of = {place: label for label, place in compartments(model).items()}
    structures = {name: one for name, one in model.structures.items() if attribute in one.arguments and attribute in one.route}
    places = [(name, one.compartments[0]) for name, one in structures.items()]
    for dose in model.doses.values():
        owner, part = dose.target
        if getattr(dose, attribute) is not None:
            places.append((owner, part and model.structures[owner].compartment(part)))
    return frozenset(label_of[place] for place in places)


def _reads_time(model: Model) -> bool:
    waiting = [expression for declaration in model.declarations.values() for expression in declaration.expressions()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference) and node.name in ("T", "TAD"):
            return True
        waiting.extend(node.children())
    return False


def _vanishes(observation: Any) -> bool:
    return observation.additive is None and (observation.proportional is not None or observation.power is not None)


def _require(model: Model, table: EventTable) -> None:
    missing = [name for name in model.covariates if name not in table.covariates]
    if missing:
        raise DataError(f"the data {Path(table.source).name} lack {', '.join(missing)}, declared as Covariate in {model.name}.")
    if table.n_observations == 0:
        raise DataError("the data hold no observation: nothing can be fitted.")


def _timeline(compiled: CompiledModel, expectation: Expectation, table: EventTable, records: Records) -> Timeline:
    inside = compiled.lowered.compartments
    positions = {name: inside.index(name) for name in expectation.compartments}
    doses = doses_of(table, expectation, positions) if positions else Doses.none()
    doses = _simplified(compiled, doses)
    _refuse_profiles(compiled, doses, table)
    _refuse_clock(compiled, doses, table)
    events = timeline_events(table, doses, positions, expectation)
    scored = np.flatnonzero(table.scored)
    endpoint = _endpoints(compiled, expectation, table, scored)
    y = table.dv[scored].astype(float)
    on_log = np.array([one.log_scale for one in compiled.endpoints])[endpoint]
    _require_positive(table, scored[on_log], "log_additive= is a density of log(DV)")
    y[on_log] = np.log(y[on_log])
    observation = np.full(table.n_rows, -1)
    observation[scored] = np.arange(len(scored))
    return Timeline(
        **events.columns(observation),
        first_row=table.starts[:-1].astype(np.int64),
        at=records.at,
        between=records.between,
        times=np.column_stack([table.time, events.time_after_dose]),
        first_observation=np.searchsorted(table.subject[scored], np.arange(table.n_subjects + 1)).astype(np.int64),
        y=y,
        endpoint=endpoint,
        observed_row=scored.astype(np.int64),
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


def _endpoints(compiled: CompiledModel, expectation: Expectation, table: EventTable, scored: np.ndarray) -> np.ndarray:
    names = [one.name for one in compiled.endpoints]
    labels = {label: expectation.endpoint_of(label) for label in set(table.endpoint[scored])}
    unknown = sorted(label for label, name in labels.items() if name is None)
    if unknown:
        raise DataError(f"DVID {', '.join(map(repr, unknown))} belongs to no endpoint of the model ({', '.join(names)}).")
    return np.array([names.index(labels[label]) for label in table.endpoint[scored]], dtype=np.int64)


def _require_positive(table: EventTable, rows: np.ndarray, reason: str) -> None:
    wrong = rows[~(table.dv[rows] > 0)]
    if len(wrong):
        shown = ", ".join(str(row) for row in table.row[wrong[:3]])
        raise DataError(f"{len(wrong)} DV are zero or negative (rows {shown}): {reason}. Exclude them or use another error model.")


def _constants(compiled: CompiledModel, timeline: Timeline, table: EventTable) -> np.ndarray:
    """Return per subject what the objective needs beyond the engine: the Jacobian 2 log(DV) of log-scale endpoints."""
    on_log = np.array([one.log_scale for one in compiled.endpoints])[timeline.endpoint]
    subjects = table.subject[timeline.observed_row]
    return np.bincount(subjects[on_log], weights=2.0 * timeline.y[on_log], minlength=table.n_subjects)


def _checked_weights(weights: np.ndarray | None, table: EventTable) -> np.ndarray:
    if weights is None:
        return np.ones(table.n_subjects)
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (table.n_subjects,):
        raise OptionError(f"weights must be one number for each of the {table.n_subjects} subjects, not an array of shape {weights.shape}.")
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise OptionError("weights must be finite and not negative.")
    if not np.any(weights > 0):
        raise OptionError("all weights are zero: no subject would count.")
    return weights
