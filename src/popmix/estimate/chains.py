"""Chains of a sampler: each with a seed of its own, run beside one another, kept one by one against a kill."""

from __future__ import annotations

import contextlib
import importlib
import os
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from popmix.engine.bundle import Bundle
from popmix.engine.population import Plan, new_space
from popmix.engine.posterior import posterior
from popmix.errors import FitError, Status, SupportError
from popmix.estimate.method import Setting
from popmix.estimate.warnings import too_few
from popmix.likelihood import Problem
from popmix.model.parameters import parameters_of

if TYPE_CHECKING:
    from popmix.estimate.nuts import NUTS

# what nutpie tells of every draw, and what it is called in ArviZ
_STATISTICS = {
    "diverging": "diverging",
    "lp": "logp",
    "n_steps": "n_steps",
    "acceptance_rate": "mean_tree_accept",
    "energy": "energy",
    "step_size": "step_size",
    "tree_depth": "depth",
}
# chains start where a standard normal is in the coordinates of the sampler, wider by this in those of the population
_OVERDISPERSED = 1.5
_MOST_STARTS = 50
_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Chain:
    """The draws of one chain: positions [draws, dimension] and statistics by name [draws]."""

    position: np.ndarray
    statistics: dict[str, np.ndarray]


def run_chains(problem: Problem, plan: Plan, method: NUTS, setting: Setting) -> tuple[list[Chain], bool]:
    """Return the chains, and whether the user interrupted them: they then end with the shortest. Raises FitError, SupportError."""
    nutpie = optional("nutpie", "to sample a posterior")
    state = setting.checkpoint.load() or {}
    chains = {k: _stored(state, k) for k in range(method.chains) if f"position_{k}" in state}
    waiting = [k for k in range(method.chains) if k not in chains]
    running: dict[int, tuple[Any, _Density]] = {}
    width = min(setting.threads or os.cpu_count() or 1, max(len(waiting), 1))
    try:
        while waiting or running:
            while waiting and len(running) < width:
                k = waiting.pop(0)
                density = _Density(problem, plan, np.random.default_rng((setting.seed, k)))
                running[k] = _begin(nutpie, density, method, (setting.seed, k)), density
            time.sleep(_SECONDS)
            for k in [k for k, (sampler, _) in running.items() if _is_finished(sampler)]:
                chains[k] = _drawn(running.pop(k)[0].wait())
                setting.checkpoint.save(_as_state(chains))
            _tell(setting, method, chains, running)
    except KeyboardInterrupt:
        for k, (sampler, _) in running.items():
            chains[k] = _drawn(sampler.abort())
        running.clear()
        kept = _cut([chains[k] for k in sorted(chains)])
        if not kept:
            raise
        return kept, True
    finally:
        # a chain that goes on in the background would write into memory that is gone
        for sampler, _ in running.values():
            sampler.cancel()
    setting.checkpoint.remove()
    return [chains[k] for k in range(method.chains)], False


def optional(name: str, purpose: str) -> Any:
    """Return a package that popmix does not need otherwise. Raises SupportError naming the extra that brings it."""
    with warnings.catch_warnings():
        # ArviZ announces its next version at every start
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise SupportError(f"{name} is needed {purpose}: pip install 'popmix[bayes]'.") from error


class _Density:
    """The log density of one chain with the working memory of its thread."""

    def __init__(self, problem: Problem, plan: Plan, generator: np.random.Generator) -> None:
        self.problem, self.plan, self.n_draws = problem, plan, 0
        self._space = new_space(plan, problem.code.n_fixed, problem.code.n_directions)
        self._plan, self._bundle = Bundle(plan), Bundle(self._space)
        self._lent = contextlib.ExitStack()
        self._engine = self._lent.enter_context(problem.lent())[:3]
        self.start = self._somewhere(generator)

    def __call__(self, position: np.ndarray) -> tuple[float, np.ndarray]:
        """Return log density and gradient at a position; -inf, a divergence to the sampler, where a subject can't be evaluated."""
        gradient = np.zeros(len(position))
        status = posterior(position, gradient, self._plan, *self._engine, self._bundle)
        return (float(self._space.value[0]), gradient) if status == Status.OK else (-np.inf, np.zeros(len(position)))

    def _somewhere(self, generator: np.random.Generator) -> np.ndarray:
        """Return where the chain starts. Raises FitError when the density exists nowhere near."""
        spread = np.ones(len(self.plan.centre))
        spread[: len(self.plan.kind)] = _OVERDISPERSED
        for attempt in range(_MOST_STARTS):
            position = generator.standard_normal(len(spread)) * spread * 0.9**attempt
            if np.isfinite(self(position)[0]):
                return position
        told = "the chains find no place to start: the posterior can't be evaluated near its mode. Give other start values."
        few = too_few(self.problem, parameters_of(self.problem.model))
        raise FitError("\n".join([told, *few]))

    def expand(self, position: np.ndarray) -> dict[str, np.ndarray]:
        """Return what is kept of a draw."""
        self.n_draws += 1
        return {"position": position}


def _begin(nutpie: Any, density: _Density, method: NUTS, seed: tuple[int, int]) -> Any:
    """Start a chain in the background."""
    n = len(density.start)
    model = nutpie.compiled_pyfunc.from_pyfunc(
        n,
        lambda: density,
        lambda *_: density.expand,
        [np.dtype("float64")],
        [(n,)],
        ["position"],
        make_initial_point_fn=lambda _: density.start,
    )
    return nutpie.sample(
        model,
        draws=method.draws,
        tune=method.tune,
        chains=1,
        cores=1,
        seed=int(np.random.SeedSequence(seed).generate_state(1)[0]),
        target_accept=method.target_accept,
        progress_bar=False,
        save_warmup=False,
        blocking=False,
    )


def _is_finished(sampler: Any) -> bool:
    """Whether a chain has ended; one that is too busy to answer has not."""
    try:
        return sampler.is_finished
    except TimeoutError:
        return False


def _drawn(trace: Any) -> Chain:
    statistics = {name: np.asarray(trace.sample_stats[own].values[0]) for name, own in _STATISTICS.items() if own in trace.sample_stats}
    return Chain(np.ascontiguousarray(trace.posterior["position"].values[0]), statistics)


def _as_state(chains: dict[int, Chain]) -> dict[str, np.ndarray]:
    state = {f"position_{k}": chain.position for k, chain in chains.items()}
    return state | {f"{name}_{k}": value for k, chain in chains.items() for name, value in chain.statistics.items()}


def _stored(state: dict[str, np.ndarray], k: int) -> Chain:
    return Chain(state[f"position_{k}"], {name: state[f"{name}_{k}"] for name in _STATISTICS if f"{name}_{k}" in state})


def _cut(chains: list[Chain]) -> list[Chain]:
    """Return chains of one length: that of the shortest that has any draws."""
    chains = [chain for chain in chains if len(chain.position)]
    length = min((len(chain.position) for chain in chains), default=0)
    return [Chain(one.position[:length], {name: value[:length] for name, value in one.statistics.items()}) for one in chains]


def _tell(setting: Setting, method: NUTS, chains: dict[int, Chain], running: dict[int, tuple[Any, _Density]]) -> None:
    whole = method.draws + method.tune
    done = len(chains) * whole + sum(density.n_draws for _, density in running.values())
    setting.progress.update("sample", done / (method.chains * whole), f"{len(chains)} of {method.chains} chains, {done} steps")
