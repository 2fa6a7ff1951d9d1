"""One run of SAEM, iteration by iteration, with all that a checkpoint has to keep."""

from dataclasses import dataclass, field

import numpy as np

from popmix.engine.saem import Moves
from popmix.errors import Status
from popmix.estimate.method import Setting
from popmix.estimate.saem.lines import Lines
from popmix.estimate.saem.maximisation import Maximisation
from popmix.estimate.saem.phases import LAST, STEADY, gain_of, has_settled, movement
from popmix.likelihood import Problem, Quadrature
from popmix.likelihood.simulation import Simulation
from popmix.model.parameters import Parameters
from popmix.table import Table

EXPLORATION, SMOOTHING = 0, 1
_PHASES = np.array(["exploration", "smoothing"], dtype=object)
# iterations of the chains alone before the first M-step
_WARM_UP = 10
# the running moments of the chains forget no faster than this while parameters move
_MOMENTS = 0.05
_SCALE_STEP = 0.3
_NEWS = 10
# how often it is learnt anew how effects follow parameters
_RIDGES = 50


@dataclass(frozen=True)
class Plan:
    """How long the phases may last, whether they may end by themselves, and the least share that annealing leaves of a variance."""

    exploration: int
    smoothing: int
    automatic: bool
    annealing: float


@dataclass(eq=False)
class Run:
    """The state of a run: parameters and what is kept (`maximisation`), chains, and the path so far.

    `iteration` counts those done, `explored` those of the exploration once it has ended. `path`: coordinates of the free parameters by
    iteration, in the smoothing their means.
    """

    problem: Problem
    maximisation: Maximisation
    simulation: Simulation
    plan: Plan
    free: np.ndarray
    lines: Lines
    path: np.ndarray = field(init=False)
    iteration: int = 0
    explored: int = -1
    warmed: int = 0
    finished: bool = False

    def __post_init__(self) -> None:
        self.path = np.zeros((self.plan.exploration + self.plan.smoothing, len(self.free)))

    @classmethod
    def of(
        cls, problem: Problem, start: Parameters, subjects: np.ndarray, n_chains: int, moves: Moves, plan: Plan, threads: int | None
    ) -> "Run":
        """Set out from start values with the subjects at the positions given."""
        weights = np.zeros(problem.n_subjects)
        weights[subjects] = problem.weights[subjects]
        maximisation = Maximisation.of(problem, start, weights, n_chains)
        omega, n_points = maximisation.omega, maximisation.numerical.n_points
        simulation = Simulation.of(problem, subjects, n_chains, n_points, omega, moves, threads)
        free = np.flatnonzero(~start.fixed)
        return cls(problem, maximisation, simulation, plan, free, Lines.of(start, free))

    @property
    def phase(self) -> int:
        """The phase of the next iteration."""
        return EXPLORATION if self.explored < 0 else SMOOTHING

    def go(self, setting: Setting) -> bool:
        """Iterate to the end; False when the user stopped it. The state is kept by the setting's checkpoint."""
        try:
            while self.warmed < _WARM_UP:
                self._move(-1 - self.warmed, 1.0 / (self.warmed + 2), self._no_points())
                self.warmed += 1
            self._begin_smoothing_if_done()
            while not self.finished:
                self._iterate()
                if self.iteration % _NEWS == 0:
                    self._tell(setting)
                if setting.checkpoint.is_due():
                    setting.checkpoint.save(self.state())
        except KeyboardInterrupt:
            return False
        return True

    def _no_points(self) -> np.ndarray:
        return np.zeros((0, len(self.problem.compiled.positions)))

    def _move(self, iteration: int, gain: float, points: np.ndarray) -> None:
        own = self.maximisation
        shifts = own.along(points - own.fixed)
        self.simulation.move(iteration, own.fixed, own.precision, own.root, points, shifts, gain=gain, step=_SCALE_STEP)

    def _find_ridges(self) -> None:
        """Learn how the modes of the effects follow the parameters that take steps by slopes."""
        own = self.maximisation
        if own.has_ridges and self.iteration % _RIDGES == 0:
            modes = np.where(own.centres.present, self.simulation.chains.mean, 0.0)
            found = self.problem.evaluate(own.start.unchecked(own.values), Quadrature(1), modes=modes, threads=self.simulation.threads)
            known = (found.marginal.status == Status.OK) & np.isfinite(found.marginal.mode_by_fixed).all(axis=(1, 2))
            own.set_ridges(np.where(known[:, None, None], found.marginal.mode_by_fixed, 0.0))

    def _iterate(self) -> None:
        own, chains, smoothing = self.maximisation, self.simulation.chains, self.phase == SMOOTHING
        k = self.iteration - self.explored + 1
        gain = gain_of(k) if smoothing else 1.0
        self._find_ridges()
        before = own.fixed
        self._move(self.iteration, 1 / (k + 1 / _MOMENTS) if smoothing else _MOMENTS, own.points(self.iteration))
        own.absorb(chains.eta, chains.squares, gain)
        least = 0.0 if smoothing or 2 * self.iteration >= self.plan.exploration else self.plan.annealing
        moved = own.maximise(self.iteration, chains.eta, chains.rises, gain, least)
        # the individual parameters stay where they are, but for those that follow parameters which take steps
        moved = moved - own.along((own.fixed - before)[None])[:, 0]
        chains.eta[:] -= moved[:, None]
        chains.mean[:] -= moved
        u = self.lines.to_line(own.values[self.free])
        if smoothing and k > 1:
            u = self.path[self.iteration - 1] + 2 / (k + 1) * (u - self.path[self.iteration - 1])
        self.path[self.iteration] = u
        self.iteration += 1
        self._begin_smoothing_if_done()

    def _begin_smoothing_if_done(self) -> None:
        plan = self.plan
        if self.explored < 0:
            calm = plan.automatic and 2 * self.iteration > plan.exploration and has_settled(self.path[: self.iteration])
            if calm or self.iteration >= plan.exploration:
                self.explored = self.iteration
        if self.explored >= 0:
            done = self.iteration - self.explored
            steady = plan.automatic and done >= 2 * LAST and done % 10 == 0 and np.all(self.movement() <= STEADY)
            self.finished = bool(steady) or done >= plan.smoothing

    def movement(self) -> np.ndarray:
        """Return how far the means have moved of late, in SEs that the parameters would have if the effects were known."""
        means = self.path[max(self.explored, 0) : self.iteration]
        if not len(means):
            return np.full(len(self.free), np.inf)
        errors = self.maximisation.errors(self.free) / np.abs(self.lines.slope(means[-1]))
        return movement(means, errors)

    @property
    def estimates(self) -> np.ndarray:
        """Values of all parameters: means of the smoothing, or the last iterate."""
        values = self.maximisation.values.copy()
        if self.iteration:
            values[self.free] = self.lines.from_line(self.path[self.iteration - 1])
        return values

    def trace(self) -> Table:
        """Return a row for each iteration: its number, the phase, and the estimated parameters on their natural scale."""
        n, parameters = self.iteration, self.maximisation.start
        explored = n if self.explored < 0 else self.explored
        values = self.lines.from_line(self.path[:n])
        columns = {"iteration": np.arange(1, n + 1), "phase": _PHASES[(np.arange(n) >= explored).astype(int)]}
        columns |= {parameters.names[position]: values[:, k] for k, position in enumerate(self.free)}
        units = {parameters.names[position]: parameters.units[position] or "" for position in self.free}
        return Table(columns, units)

    def _tell(self, setting: Setting) -> None:
        done, most = self.iteration, self.plan.exploration + self.plan.smoothing
        phase = "exploration" if self.phase == EXPLORATION else "smoothing"
        values, names = self.estimates[self.free], self.maximisation.start.names
        shown = ", ".join(f"{names[position]} {value:.4g}" for position, value in zip(self.free[:6], values, strict=False))
        setting.progress.update("fit", done / most if most else None, f"{phase}, iteration {done}: {shown}")

    def state(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps: arrays by name."""
        counts = np.array([self.iteration, self.explored, self.warmed, self.finished])
        chains = {f"chain_{name}": value for name, value in self.simulation.chains._asdict().items()}
        return {"counts": counts, "path": self.path} | chains | self.maximisation.state()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from what a checkpoint kept."""
        self.iteration, self.explored, self.warmed, finished = (int(one) for one in state["counts"])
        self.finished = bool(finished)
        self.path[:] = state["path"]
        for name, value in self.simulation.chains._asdict().items():
            value[...] = state[f"chain_{name}"]
        self.maximisation.restore(state)
