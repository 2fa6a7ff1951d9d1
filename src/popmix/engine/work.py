"""The working memory of one thread."""

from typing import Any, NamedTuple

import numpy as np

from popmix.engine.advance import Scratch, new_scratch
from popmix.engine.code import Code
from popmix.engine.cycle import Cycle, new_cycle
from popmix.engine.equations import EQUATIONS, Flow, new_flow
from popmix.engine.events import Timeline
from popmix.engine.jets import Jet, State, new_jet, new_state
from popmix.engine.mammillary import Basis, new_basis
from popmix.engine.paths import Paths, mammillary_paths
from popmix.engine.profiles import Sources, new_sources
from popmix.engine.radau import Stages, new_stages
from popmix.engine.steady import Trains, new_trains


class Work(NamedTuple):
    """Working memory of one thread: jets of events and states, buffers of the compiled functions, predictions of one subject.

    Jets: `amount`, `lag`, `rate` and `duration` of a dose; `clock`, the derivatives of the time that has been reached (its value is
    not used), and `fixed`, those of a time that does not move. `input` holds the infusion rates into the compartments and
    `n_on` the number of infusions; while a steady state is computed `running` and `n_held` keep these, `aside` the state, and `sum`
    the part of the series so far. What endpoints remember stands behind the amounts, its derivatives in `memory_first` [2, ., D] and
    `memory_second`: those of the last record, and the new ones while they are made.
    """

    unknowns: np.ndarray
    checked: np.ndarray
    individual: np.ndarray
    initial: np.ndarray
    rates: np.ndarray
    dosing: np.ndarray
    observed: np.ndarray
    amounts: np.ndarray
    amounts_first: np.ndarray
    amounts_second: np.ndarray
    memory_first: np.ndarray
    memory_second: np.ndarray
    order: np.ndarray
    next_row: np.ndarray
    arrival: np.ndarray
    arrival_first: np.ndarray
    arrival_second: np.ndarray
    now: np.ndarray
    amount: Jet
    lag: Jet
    rate: Jet
    duration: Jet
    clock: Jet
    fixed: Jet
    input: State
    n_on: np.ndarray
    n_held: np.ndarray
    running: State
    aside: State
    sum: State
    trains: Trains
    sources: Sources
    spans: np.ndarray
    shares: np.ndarray
    table: np.ndarray
    prediction: np.ndarray
    first: np.ndarray
    second: np.ndarray
    frozen: np.ndarray
    frozen_first: np.ndarray
    state: State
    basis: Basis
    scratch: Scratch
    idle: Paths
    infusing: Paths
    flow: Flow
    stages: Stages
    cycle: Cycle
    modelled: Paths


def new_work(code: Code, timeline: Timeline) -> Work:
    """Return zeroed working memory, large enough for any subject of the population."""
    n_events = int(np.max(np.diff(timeline.first_event), initial=1))
    n_observed = int(np.max(np.diff(timeline.first_observation), initial=1))
    d, s, u = code.n_directions, code.n_structural, code.n_fixed + code.n_etas
    n_nodes = code.n_states + 1
    local = int(np.max(code.n_local_states + code.n_local_directions + code.remembers, initial=0))
    memories = len(code.observe_0) if code.n_memories else 0
    n_equations = code.n_states if code.route == EQUATIONS else 0
    return Work(
        unknowns=np.zeros(u),
        checked=np.zeros(code.n_checked + 1),
        individual=np.zeros(code.n_individual + 1),
        observed=np.zeros((len(code.observe_0), 3 * (1 + local + local * local))),
        memory_first=np.zeros((2, memories, d)),
        memory_second=np.zeros((2, memories, d, d)),
        **_structural(code, timeline.moving, n_events),
        **_modal(code, timeline.modelled, n_nodes, n_observed),
        trains=new_trains(max(timeline.n_trains, 1), s),
        sources=new_sources(n_events if code.n_profiles else 1, code.n_profiles, s, timeline.at.shape[1]),
        prediction=np.zeros((n_observed, 2)),
        first=np.zeros((n_observed, 2, d)),
        second=np.zeros((n_observed, 2, d, d)),
        frozen=np.zeros(n_observed),
        frozen_first=np.zeros((n_observed, code.n_fixed)),
        flow=new_flow(n_equations, s, timeline.at.shape[1], code.equations),
        cycle=new_cycle(n_equations, s),
        stages=new_stages(n_equations, s, code.equations),
    )


def _structural(code: Code, moving: bool, n_events: int) -> dict[str, Any]:
    """Return buffers of the compiled functions, amounts and doses, and when events arrive."""
    s, nodes, n_moving = code.n_structural, code.n_states + 1, n_events if moving else 1
    width = 1 + s + s * s
    return {
        "initial": np.zeros(code.n_states * width + 1),
        "rates": np.zeros(code.n_rates * width + 1),
        "dosing": np.zeros(code.n_dosing * width + 1),
        "amounts": np.zeros(code.n_states + len(code.observe_0) + 1),
        "amounts_first": np.zeros((code.n_states, s)),
        "amounts_second": np.zeros((code.n_states, s, s)),
        "order": np.zeros(n_events, dtype=np.int64),
        "next_row": np.zeros(n_events, dtype=np.int64),
        "arrival": np.zeros(n_events),
        "arrival_first": np.zeros((n_moving, s)),
        "arrival_second": np.zeros((n_moving, s, s)),
        "now": np.zeros(1),
        "n_on": np.zeros(nodes),
        "n_held": np.zeros(nodes),
        **{name: new_jet(s) for name in ("amount", "lag", "rate", "duration", "clock", "fixed")},
        **{name: new_state(nodes, s) for name in ("state", "input", "running", "aside", "sum")},
    }


def _modal(code: Code, modelled: bool, n_nodes: int, n_observed: int) -> dict[str, Any]:
    """Return what closed forms need."""
    depot, s = bool(code.has_depot), code.n_structural
    idle, infusing = (mammillary_paths(depot, code.n_modes, has_source) for has_source in (False, True))
    moved = mammillary_paths(depot, code.n_modes, True, True) if modelled else infusing
    return {
        "spans": np.zeros(n_observed),
        "shares": np.zeros((n_nodes, n_nodes)),
        "table": np.zeros((n_nodes, n_observed)),
        "basis": new_basis(n_nodes, code.n_modes, s),
        "scratch": new_scratch(moved, n_nodes, s),
        "idle": idle,
        "infusing": infusing,
        "modelled": moved,
    }
