"""Linking the engine: its functions are compiled once per installation, and their addresses given to every model.

What only differential equations need is linked with the first model that has them; to others its addresses are 0. Laplace's method and
quadrature are linked when they are asked for.
"""

import threading

import numpy as np

from popmix.compiler.build import CompiledEndpoint, CompiledModel
from popmix.engine.advance import advance_jets, advance_values, shift_time
from popmix.engine.arrivals import arrange
from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.compiled import address_of, ready
from popmix.engine.completion import complete
from popmix.engine.curvature import curvatures
from popmix.engine.cycle import balance, newton, run
from popmix.engine.density import evaluate, freeze_variances, new_density
from popmix.engine.domain import check_domain
from popmix.engine.doses import begin_arrival, reset, set_infusion, switch
from popmix.engine.elimination import factorise_real, solve_real
from popmix.engine.equations import ALGEBRAIC, CLOSED_FORM, EQUATIONS, Equations, no_equations, slopes_of
from popmix.engine.events import Timeline
from popmix.engine.exponential_action import integrate_linear
from popmix.engine.first_order import first_orders
from popmix.engine.flow import begin, integrate, move, take_inputs
from popmix.engine.foce import marginals, new_marginal
from popmix.engine.information import informations, new_information, new_stack
from popmix.engine.linear import saddle_step
from popmix.engine.members import members, new_members, trace_members
from popmix.engine.modal import change_rates, move_inputs, set_rates
from popmix.engine.mode import climb, new_prior, search, settle
from popmix.engine.nonstiff import integrate_nonstiff
from popmix.engine.observing import observe
from popmix.engine.population import example_plan, new_space
from popmix.engine.posterior import outcomes, posterior, unravel
from popmix.engine.predict import arrivals, new_predictions, predictions
from popmix.engine.profiles import add_arrivals, add_head, shift
from popmix.engine.quadrature import Grid, new_workspace, quadratures
from popmix.engine.saem import Moves, move_chains, new_chains, new_tools, report_chains
from popmix.engine.steady import arrive, cycle, finish_trains, infuse, reach_steady_state
from popmix.engine.stiff import integrate_stiff
from popmix.engine.values import solve_values
from popmix.engine.walk import happen, rewrite, solve
from popmix.engine.work import Work, new_work

_addresses: dict[str, int] = {}
_lock = threading.Lock()
_OF_EQUATIONS = (
    *("begin", "integrate", "move", "slopes", "nonstiff", "exponential", "stiff", "factorise", "solve_real"),
    *("balance", "newton", "run", "take_inputs", "begin_arrival", "add_arrivals", "shift_arrivals", "add_head"),
)


def link(equations: bool = False) -> dict[str, int]:
    """Compile the engine, or load it from its cache on disk, and return the addresses of its functions."""
    with _lock:
        if not _addresses:
            _addresses.update(_common())
        if equations and not _addresses["integrate"]:
            _addresses.update(_integration(*_examples()[1]))
    return _addresses


def link_quadrature() -> None:
    """Compile Laplace's method and quadrature, or load them from the cache on disk."""
    prior, density, subjects = Bundle(new_prior(np.eye(1), np.zeros((1, 1)))), Bundle(new_density(1, 1, 1)), np.zeros(0, dtype=np.int64)
    full, grid = (*_examples()[1], density), Bundle(Grid(np.zeros((1, 1, 1)), _MATRIX, True, False))
    with _lock:
        space, result = Bundle(new_workspace(1, 1, 1)), Bundle(new_marginal(1, 1, 1))
        ready(quadratures, subjects, _TRUE, _VECTOR, prior, grid, *full, space, result)
        ready(curvatures, subjects, _VECTOR, _MATRIX, _MATRIX, *full, np.zeros((1, 1, 1)))


def link_first_order() -> None:
    """Compile the first-order method, or load it from the cache on disk."""
    prior, density = Bundle(new_prior(np.eye(1), np.zeros((1, 1)))), Bundle(new_density(1, 1, 1))
    with _lock:
        ready(first_orders, np.zeros(0, dtype=np.int64), _VECTOR, prior, *_examples()[1], density, Bundle(new_marginal(1, 1, 1)))


def link_saem() -> None:
    """Compile the chains of SAEM, or load them from the cache on disk."""
    code, timeline, work = _examples()[1]
    full, subjects = (code, timeline, work, Bundle(new_density(1, 1, 1))), np.zeros(0, dtype=np.int64)
    with _lock:
        moves, tools, chains = Bundle(Moves(1, 1, 1, 1, 1)), Bundle(new_tools(1, 1)), Bundle(new_chains(1, 1, 1, 1, 1, _MATRIX))
        places = (_VECTOR, _MATRIX, _MATRIX, _MATRIX, np.zeros((1, 1, 1)))
        ready(move_chains, subjects, _WHOLE, _REAL, _REAL, *places, moves, *full, tools, chains)
        ready(report_chains, subjects, _VECTOR, _WHOLE, *full, chains, np.zeros((1, 1, 1)))


def link_members() -> None:
    """Compile what groups of subjects need, or load it from the cache on disk."""
    full, subjects, density = _examples()[1], np.zeros(0, dtype=np.int64), Bundle(new_density(1, 1, 1))
    with _lock:
        result = Bundle(new_members(1, 1, 1))
        ready(members, _WHOLE, subjects, _TRUE, _VECTOR, _MATRIX, _MATRIX, *full, density, result)
        ready(trace_members, subjects, _TRUE, _TRUE, _VECTOR, _MATRIX, _MATRIX, np.zeros((1, 1, 1)), *full, density, result)


def link_posterior() -> None:
    """Compile what sampling a posterior needs, or load it from the cache on disk."""
    common, example = _examples()[1], example_plan()
    plan, space = Bundle(example), Bundle(new_space(example, 1, 1))
    with _lock:
        ready(posterior, _VECTOR, _VECTOR, plan, *common, space)
        ready(unravel, _MATRIX, plan, space, _MATRIX, np.zeros((1, 1, 1)))
        ready(outcomes, _MATRIX, np.zeros((1, 1, 1)), plan, *common, _MATRIX, _MATRIX)


def _common() -> dict[str, int]:
    memory, common = _examples()
    own = _closed_forms(memory, *common) | _walk(memory, *common) | _densities(*common, Bundle(new_density(1, 1, 1)))
    return dict.fromkeys(_OF_EQUATIONS, 0) | own


def _examples() -> tuple[Work, tuple[Bundle, Bundle, Bundle]]:
    """Return working memory, and bundles of code, timeline and that memory."""
    code, timeline = _example_code(), example_timeline()
    memory = new_work(code, timeline)
    return memory, (Bundle(code), Bundle(timeline), Bundle(memory))


_WHOLE, _TRUE, _REAL, _VECTOR, _MATRIX = 1, True, 1.0, np.zeros(1), np.zeros((1, 1))
_WHOLES = np.zeros(1, dtype=np.int64)


def _closed_forms(memory: Work, code: Bundle, timeline: Bundle, work: Bundle) -> dict[str, int]:
    basis, state, scratch, paths = (Bundle(one) for one in (memory.basis, memory.state, memory.scratch, memory.idle))
    common, own = (code, timeline, work), (code, work)
    return {
        "advance": address_of(advance_jets, _WHOLE, _WHOLE, basis, paths, _REAL, state, scratch),
        "advance_values": address_of(advance_values, _WHOLE, _WHOLE, _TRUE, basis, _REAL, _VECTOR, _VECTOR),
        "shift": address_of(shift_time, _WHOLE, _WHOLE, _WHOLE, basis, _VECTOR, _MATRIX, state, scratch),
        "set_rates": address_of(set_rates, _WHOLE, _WHOLE, _WHOLE, *common),
        "change_rates": address_of(change_rates, _WHOLE, _WHOLE, _WHOLE, *common),
        "move_inputs": address_of(move_inputs, *own),
        "solve_values": address_of(solve_values, _WHOLE, *common),
    }


def _integration(code: Bundle, timeline: Bundle, work: Bundle) -> dict[str, int]:
    common, own = (code, timeline, work), (code, work)
    return {
        "balance": address_of(balance, _WHOLE, _WHOLE, *common),
        "newton": address_of(newton, _WHOLE, *common),
        "run": address_of(run, _WHOLE, *common),
        "add_arrivals": address_of(add_arrivals, _WHOLE, _WHOLE, _WHOLE, _REAL, _VECTOR, *own),
        "shift_arrivals": address_of(shift, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _REAL, _VECTOR, *own),
        "add_head": address_of(add_head, _WHOLE, _REAL, *own),
        "factorise": address_of(factorise_real, _WHOLE, _VECTOR, _WHOLES),
        "solve_real": address_of(solve_real, _WHOLE, _VECTOR, _WHOLES, _VECTOR, _WHOLE, _WHOLE, _WHOLE),
        "take_inputs": address_of(take_inputs, *common),
        "begin_arrival": address_of(begin_arrival, _WHOLE, _WHOLE, _WHOLE, *common),
        "begin": address_of(begin, _WHOLE, _WHOLE, *common),
        "integrate": address_of(integrate, _WHOLE, _WHOLE, _REAL, _REAL, *own),
        "move": address_of(move, _WHOLE, _WHOLE, _REAL, _VECTOR, _MATRIX, *own),
        "slopes": address_of(slopes_of, _WHOLE, _WHOLE, _REAL, _VECTOR, _VECTOR, *own),
        "nonstiff": address_of(integrate_nonstiff, _WHOLE, _WHOLE, _REAL, _REAL, *own),
        "exponential": address_of(integrate_linear, _WHOLE, _WHOLE, _REAL, _REAL, *own),
        "stiff": address_of(integrate_stiff, _WHOLE, _WHOLE, _REAL, _REAL, *own),
    }


def _walk(memory: Work, *common: Bundle) -> dict[str, int]:
    return {
        "reset": address_of(reset, _WHOLE, _WHOLE, *common),
        "switch": address_of(switch, _WHOLE, _WHOLE, *common),
        "arrange": address_of(arrange, _WHOLE, _WHOLE, _WHOLE, *common),
        "set_infusion": address_of(set_infusion, _WHOLE, _WHOLE, *common),
        "steady": address_of(reach_steady_state, _WHOLE, _WHOLE, *common),
        "arrive": address_of(arrive, _WHOLE, _REAL, _REAL, Bundle(memory.fixed), *common),
        "cycle": address_of(cycle, _WHOLE, _WHOLE, *common),
        "infuse": address_of(infuse, _WHOLE, _WHOLE, _REAL, _REAL, *common),
        "finish_trains": address_of(finish_trains, _WHOLE, _REAL, *common),
        "happen": address_of(happen, _WHOLE, _WHOLE, _WHOLE, *common),
        "rewrite": address_of(rewrite, _WHOLE, _WHOLE, *common),
        "observe": address_of(observe, _WHOLE, _WHOLE, _WHOLE, *common),
        "solve": address_of(solve, _WHOLE, _WHOLE, *common),
        "check_domain": address_of(check_domain, _WHOLE, *common),
    }


def _densities(*full: Bundle) -> dict[str, int]:
    prior, density = Bundle(new_prior(np.eye(1), np.zeros((1, 1)))), new_density(1, 1, 1)
    subjects = np.zeros(0, dtype=np.int64)
    ready(marginals, subjects, _TRUE, _TRUE, _VECTOR, prior, *full, Bundle(new_marginal(1, 1, 1)))
    stack, informed = Bundle(new_stack(1, 1, 1)), Bundle(new_information(1, 1, 1))
    ready(informations, subjects, _TRUE, _VECTOR, _MATRIX, _MATRIX, *full, stack, informed)
    ready(arrivals, subjects, _VECTOR, _MATRIX, *full, _VECTOR)
    ready(predictions, _WHOLE, subjects, _VECTOR, _MATRIX, _WHOLE, *full, *new_predictions(1, 1, 1, 1))
    return {
        "evaluate": address_of(evaluate, _WHOLE, _TRUE, _WHOLE, _VECTOR, _MATRIX, *full),
        "complete": address_of(complete, _TRUE, _WHOLE, _MATRIX, *full),
        "saddle": address_of(saddle_step, _MATRIX, _MATRIX, _VECTOR, _VECTOR, Bundle(density.small)),
        "climb": address_of(climb, _TRUE, _WHOLE, _VECTOR, _MATRIX, *full),
        "settle": address_of(settle, _TRUE, _WHOLE, _VECTOR, _MATRIX, *full),
        "search": address_of(search, _TRUE, _WHOLE, _VECTOR, prior, *full),
        "freeze": address_of(freeze_variances, _WHOLE, *full),
    }


def _example_code() -> Code:
    """Return a code of the right types that is never run."""
    whole, table, cube = (np.zeros((1,) * n_axes, dtype=np.int64) for n_axes in (1, 2, 3))
    kinds = dict.fromkeys(("rates_vary", "linear", "domain_varies"), False) | dict.fromkeys(
        ("observe_0", "observe_all", "observe_2", "is_free", "remembers"), whole
    )
    kinds |= dict.fromkeys(("f_index", "lag_index", "rate_index", "duration_index", "profile_index"), whole)
    kinds |= {"n_local_states": whole, "n_local_directions": whole, "local_states": table, "local_directions": table, "depends": table}
    kinds |= {"observed_states": whole, "n_active": table, "active": cube, "tolerance": 1e-8, "equations": no_equations()}
    sizes = dict.fromkeys(("n_fixed", "n_etas", "n_directions", "n_structural", "n_states", "n_modes", "n_rates"), 1)
    return Code(**{name: kinds.get(name, sizes.get(name, 0)) for name in Code._fields})


def example_timeline() -> Timeline:
    """Return a timeline of the right types without any event."""
    whole, real = np.zeros(1, dtype=np.int64), np.zeros(1)
    reals = {"time", "amount", "rate", "infused", "interval", "y"}
    columns = {name: real if name in reals else whole for name in Timeline._fields}
    columns |= {name: np.zeros((1, 5)) for name in ("at", "between", "times")}
    columns |= {"first_event": np.zeros(2, dtype=np.int64), "first_observation": np.zeros(2, dtype=np.int64)}
    columns |= {"moving": False, "modelled": False, "n_trains": 0}
    return Timeline(**columns)


_SAME = (
    *("n_etas", "n_directions", "n_structural", "n_individual", "n_rates", "rates_vary"),
    *("n_positive", "n_checked", "domain_varies"),
)


def engine_code(compiled: CompiledModel, method: int = 0, tolerance: float = 1e-8) -> Code:
    """Return what the engine needs of a compiled model."""
    return _code(compiled, compiled.endpoints, method, tolerance)


def showing_code(compiled: CompiledModel, method: int = 0, tolerance: float = 1e-8) -> Code:
    """Return what the engine needs to compute what tables show: mean and variance of outcomes of every kind."""
    code = _code(compiled, compiled.shown, method, tolerance)
    if compiled.n_shown == compiled.n_directions:
        return code
    addresses = {f"individual_{order}": compiled.address(f"shown_individual_{order}") for order in (0, 2)}
    return code._replace(n_directions=compiled.n_shown, **addresses)


def _code(compiled: CompiledModel, endpoints: tuple[CompiledEndpoint, ...], method: int, tolerance: float) -> Code:
    shape = compiled.shape
    n_states = len(compiled.lowered.amounts)
    route = CLOSED_FORM if shape else EQUATIONS if n_states else ALGEBRAIC
    index = {key: position for position, key in enumerate(compiled.dosing)}
    return Code(
        **link(equations=route == EQUATIONS),
        **{
            f"{name}_{order}": compiled.address(f"{name}_{order}")
            for name in ("individual", "rates", "dosing", "profiles")
            for order in (0, 2)
        },
        **{name: getattr(compiled, name) for name in _SAME},
        depends=compiled.depends,
        domain=compiled.address("domain"),
        n_fixed=len(compiled.positions),
        route=route,
        method=method,
        linear=compiled.is_linear,
        tolerance=tolerance,
        equations=_equations(compiled),
        has_depot=int(shape.has_depot) if shape else 0,
        n_states=n_states,
        n_modes=1 + shape.n_peripherals if shape else min(n_states, 1),
        n_dosing=len(compiled.dosing),
        n_profiles=len(compiled.profiles),
        profile_index=np.array([compiled.profiles.index(c) if c in compiled.profiles else -1 for c in range(n_states)], dtype=np.int64),
        **{
            f"{name}_index": np.array([index.get((name, c), -1) for c in range(n_states)], dtype=np.int64)
            for name in ("f", "lag", "rate", "duration")
        },
        **_endpoint_lists(endpoints),
    )


def _endpoint_lists(endpoints: tuple[CompiledEndpoint, ...]) -> dict[str, object]:
    """Return what the engine needs of endpoints."""
    nothing = np.zeros(0, dtype=np.int64)
    active = [(*endpoint.active, nothing)[:3] for endpoint in endpoints]
    return {
        "observe_0": np.array([one.values for one in endpoints], dtype=np.int64),
        "observe_all": np.array([one.all_values for one in endpoints], dtype=np.int64),
        "observe_2": np.array([one.derivatives for one in endpoints], dtype=np.int64),
        "remembers": np.array([one.remembers for one in endpoints], dtype=np.int64),
        "n_memories": sum(one.remembers for one in endpoints),
        "is_free": np.array([one.is_free for one in endpoints], dtype=np.int64),
        "n_local_states": np.array([len(one.states) for one in endpoints], dtype=np.int64),
        "local_states": _padded([one.states for one in endpoints]),
        "observed_states": np.array(sorted({c for one in endpoints for c in one.states.tolist()}) or [0], dtype=np.int64),
        "n_local_directions": np.array([len(one.directions) for one in endpoints], dtype=np.int64),
        "local_directions": _padded([one.directions for one in endpoints]),
        "n_active": np.array([[len(one) for one in own] for own in active], dtype=np.int64).reshape(-1, 3),
        "active": _padded([one for own in active for one in own]).reshape(len(endpoints), 3, -1),
    }


def _equations(compiled: CompiledModel) -> Equations:
    patterns = compiled.patterns
    if patterns is None:
        return no_equations()
    addresses = [compiled.address(f"equations_{order}") for order in ("0", "1", "2", "t")]
    addresses += [compiled.address(f"jets_{order}") for order in (1, 2)]
    initial = [compiled.address(f"initial_{order}") for order in (0, 2)]
    return Equations(*addresses, *initial, patterns.x, patterns.d, patterns.xx, patterns.xd, patterns.dd)


def _padded(lists: list[np.ndarray]) -> np.ndarray:
    table = np.full((len(lists), max((len(one) for one in lists), default=0) + 1), -1, dtype=np.int64)
    for row, one in enumerate(lists):
        table[row, : len(one)] = one
    return table
