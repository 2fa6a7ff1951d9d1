"""A compiled model as plain numbers and arrays for the engine, and the working memory of one thread."""

from typing import NamedTuple

import numpy as np

from popmix.engine.advance import Scratch, new_scratch
from popmix.engine.cycle import Cycle, new_cycle
from popmix.engine.equations import EQUATIONS, Equations, Flow, new_flow
from popmix.engine.events import Timeline
from popmix.engine.jets import Jet, State, new_jet, new_state
from popmix.engine.mammillary import Basis, new_basis
from popmix.engine.paths import Paths, mammillary_paths
from popmix.engine.steady import Trains, new_trains
from popmix.engine.stiff import Stages, new_stages


class Code(NamedTuple):
    """Addresses of engine and model functions, sizes and index lists.

    `f_index`, `lag_index`, `rate_index`, `duration_index` [states]: position among the dosing outputs (-1: none). Per endpoint:
    addresses `observe_0`, `observe_all` and `observe_2`, the amounts (`local_states`) and directions (`local_directions`) that it
    reads, and in `active` [endpoints, 2, .] the directions on which its prediction and its variance depend. `observed_states` lists the
    amounts that any endpoint reads, at least one.
    """

    advance: int
    advance_values: int
    shift: int
    arrange: int
    set_rates: int
    change_rates: int
    move_inputs: int
    set_infusion: int
    steady: int
    cycle: int
    arrive: int
    finish_trains: int
    rewrite: int
    observe: int
    solve: int
    solve_values: int
    evaluate: int
    complete: int
    saddle: int
    climb: int
    search: int
    freeze: int
    slopes: int
    nonstiff: int
    stiff: int
    begin: int
    balance: int
    newton: int
    run: int
    infuse: int
    integrate: int
    move: int
    route: int
    method: int
    tolerance: float
    equations: Equations
    individual_0: int
    individual_2: int
    rates_0: int
    rates_2: int
    dosing_0: int
    dosing_2: int
    n_fixed: int
    n_etas: int
    n_directions: int
    n_structural: int
    n_passive: int
    has_depot: int
    n_states: int
    n_modes: int
    n_rates: int
    rates_vary: bool
    n_dosing: int
    f_index: np.ndarray
    lag_index: np.ndarray
    rate_index: np.ndarray
    duration_index: np.ndarray
    observe_0: np.ndarray
    observe_all: np.ndarray
    observe_2: np.ndarray
    n_local_states: np.ndarray
    local_states: np.ndarray
    observed_states: np.ndarray
    n_local_directions: np.ndarray
    local_directions: np.ndarray
    n_active: np.ndarray
    active: np.ndarray


class Work(NamedTuple):
    """Working memory of one thread: jets of events and states, buffers of the compiled functions, predictions of one subject.

    Jets: `amount`, `lag`, `rate` and `duration` of a dose; `clock`, the derivatives of the time that has been reached (its value is
    not used), and `fixed`, those of a time that does not move. `input` holds the infusion rates into the compartments and
    `n_on` the number of infusions; while a steady state is computed `running` and `n_held` keep these, `aside` the state, and `sum`
    the part of the series so far.
    """

    unknowns: np.ndarray
    individual: np.ndarray
    initial: np.ndarray
    rates: np.ndarray
    dosing: np.ndarray
    observed: np.ndarray
    amounts: np.ndarray
    amounts_first: np.ndarray
    amounts_second: np.ndarray
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
    local = int(np.max(code.n_local_states + code.n_local_directions, initial=0))
    n_equations = code.n_states if code.route == EQUATIONS else 0
    idle = mammillary_paths(bool(code.has_depot), code.n_modes, False)
    infusing = mammillary_paths(bool(code.has_depot), code.n_modes, True)
    modelled = mammillary_paths(bool(code.has_depot), code.n_modes, True, True) if timeline.modelled else infusing
    return Work(
        unknowns=np.zeros(u),
        individual=np.zeros(d * (1 + u + u * u) + code.n_passive + 1),
        initial=np.zeros(code.n_states * (1 + s + s * s) + 1),
        rates=np.zeros(code.n_rates * (1 + s + s * s) + 1),
        dosing=np.zeros(code.n_dosing * (1 + s + s * s) + 1),
        observed=np.zeros((len(code.observe_0), 2 * (1 + local + local * local))),
        amounts=np.zeros(max(code.n_states, 1)),
        amounts_first=np.zeros((code.n_states, s)),
        amounts_second=np.zeros((code.n_states, s, s)),
        order=np.zeros(n_events, dtype=np.int64),
        next_row=np.zeros(n_events, dtype=np.int64),
        arrival=np.zeros(n_events),
        arrival_first=np.zeros((n_events if timeline.moving else 1, s)),
        arrival_second=np.zeros((n_events if timeline.moving else 1, s, s)),
        now=np.zeros(1),
        n_on=np.zeros(n_nodes),
        n_held=np.zeros(n_nodes),
        **{name: new_jet(s) for name in ("amount", "lag", "rate", "duration", "clock", "fixed")},
        **{name: new_state(n_nodes, s) for name in ("state", "input", "running", "aside", "sum")},
        trains=new_trains(max(timeline.n_trains, 1), s),
        spans=np.zeros(n_observed),
        shares=np.zeros((n_nodes, n_nodes)),
        table=np.zeros((n_nodes, n_observed)),
        prediction=np.zeros((n_observed, 2)),
        first=np.zeros((n_observed, 2, d)),
        second=np.zeros((n_observed, 2, d, d)),
        frozen=np.zeros(n_observed),
        frozen_first=np.zeros((n_observed, code.n_fixed)),
        basis=new_basis(n_nodes, code.n_modes, s),
        scratch=new_scratch(modelled, n_nodes, s),
        idle=idle,
        infusing=infusing,
        flow=new_flow(n_equations, s, timeline.at.shape[1], code.equations),
        cycle=new_cycle(n_equations, s),
        stages=new_stages(n_equations, s, code.equations),
        modelled=modelled,
    )
