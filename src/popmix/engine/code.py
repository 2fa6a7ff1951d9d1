"""A compiled model as plain numbers and arrays for the engine."""

from typing import NamedTuple

import numpy as np

from popmix.engine.equations import Equations


class Code(NamedTuple):
    """Addresses of engine and model functions, sizes and index lists; what of `domain` is checked is said in `popmix.engine.domain`.

    `f_index`, `lag_index`, `rate_index`, `duration_index`, `profile_index` [states]: position among the dosing outputs, or the
    profiles (-1: none). `depends` [directions, unknowns]: which derivatives of directions are not always zero. Per endpoint: addresses
    `observe_0`, `observe_all` and `observe_2`, the amounts (`local_states`) and directions (`local_directions`) that it reads, and in
    `active` [endpoints, 3, .] the directions on which its outputs depend: prediction and variance or, where `is_free`, -log p and a
    pseudo-observation; one that `remembers` has a third output, which its next record finds as a further input. `observed_states` lists
    the amounts that any endpoint reads, at least one.
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
    happen: int
    observe: int
    solve: int
    solve_values: int
    evaluate: int
    complete: int
    saddle: int
    climb: int
    settle: int
    search: int
    freeze: int
    slopes: int
    nonstiff: int
    stiff: int
    exponential: int
    begin: int
    balance: int
    newton: int
    run: int
    infuse: int
    integrate: int
    move: int
    route: int
    method: int
    linear: bool
    tolerance: float
    equations: Equations
    domain: int
    n_positive: int
    n_checked: int
    domain_varies: bool
    check_domain: int
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
    n_individual: int
    depends: np.ndarray
    has_depot: int
    n_states: int
    n_modes: int
    n_rates: int
    rates_vary: bool
    n_dosing: int
    n_profiles: int
    profiles_0: int
    profiles_2: int
    profile_index: np.ndarray
    add_arrivals: int
    add_head: int
    shift_arrivals: int
    begin_arrival: int
    factorise: int
    solve_real: int
    take_inputs: int
    reset: int
    switch: int
    f_index: np.ndarray
    lag_index: np.ndarray
    rate_index: np.ndarray
    duration_index: np.ndarray
    observe_0: np.ndarray
    observe_all: np.ndarray
    observe_2: np.ndarray
    is_free: np.ndarray
    remembers: np.ndarray
    n_memories: int
    n_local_states: np.ndarray
    local_states: np.ndarray
    observed_states: np.ndarray
    n_local_directions: np.ndarray
    local_directions: np.ndarray
    n_active: np.ndarray
    active: np.ndarray
