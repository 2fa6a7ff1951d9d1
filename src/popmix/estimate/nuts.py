"""NUTS: the full posterior of population parameters and random effects by Hamiltonian Monte Carlo.

The No-U-Turn sampler of nutpie (Hoffman and Gelman, JMLR 15:1593, 2014; adaptation after Seyboldt) walks on the exact gradient of the joint
density. It starts from the fit by FOCE or Laplace: the curvature there gives the coordinates (`popmix.estimate.whitening`).
"""

import numbers
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from popmix.data.findings import counted
from popmix.engine import stamp
from popmix.errors import FitError, Interrupted, OptionError, SupportError
from popmix.estimate.chains import run_chains
from popmix.estimate.default import default_method
from popmix.estimate.finishing import Clock
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.objective import Objective
from popmix.estimate.posterior import Posterior, posterior_of
from popmix.estimate.scale import Scale
from popmix.estimate.support import ABOVE, MIXTURE, MIXTURE_ABOVE, Feature
from popmix.estimate.whitening import whitened
from popmix.likelihood import Conditional, Evaluation, Problem, Quadrature
from popmix.likelihood.priors import Priors, flat_ones
from popmix.model.parameters import Parameters, parameters_of

# a flat prior of the SD of effects has a proper posterior from this many subjects on (Gelman, Bayesian Analysis 1:515, 2006)
_FEWEST = 3


@dataclass(frozen=True)
class NUTS(Method):
    """The posterior by the No-U-Turn sampler: `chains` of `draws` after `tune` steps of adaptation that are thrown away.

    Parameters without a prior have a flat one on their natural scale (thetas within their bounds, SDs, correlation matrices).
    `target_accept`: the acceptance that the step size is tuned to, higher where transitions diverge. `centred`: whether the coordinate of
    a random effect is the effect itself (True) or divided by its SD (False); for all, or by name; None decides by effect, centred where
    the data tell more than 0.4 of its variance.
    """

    chains: int = 4
    draws: int = 1000
    tune: int = 300
    target_accept: float = 0.8
    centred: bool | Mapping[str, bool] | None = None

    is_random = True

    def __post_init__(self) -> None:
        for name, least in (("chains", 1), ("draws", 4), ("tune", 50)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
                raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}.")
        if not isinstance(self.target_accept, numbers.Real) or not 0.5 <= self.target_accept < 1:
            raise OptionError(f"target_accept must lie between 0.5 and 1, not {self.target_accept!r}.")
        if self.centred is not None and not isinstance(self.centred, (bool, Mapping)):
            raise OptionError(f'centred must be True, False, None or {{"CL": True, ...}} by random effect, not {self.centred!r}.')

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "nuts"

    @property
    def rule(self) -> Conditional | Quadrature:
        """How the random effects would be integrated out; NUTS draws them."""
        return Quadrature(1)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs."""
        return stamp.QUADRATURE, stamp.POSTERIOR

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: groups of a Mixture have no gradient."""
        return {MIXTURE: "use FOCE() or Laplace()", ABOVE: "use Laplace() or FOCE()", MIXTURE_ABOVE: "leave one of them out"}

    def check(self, problem: Problem, apart: Collection[Feature] = ()) -> None:
        """Raise SupportError where the method can't honour what the model and the data hold, but for the features `apart`."""
        super().check(problem, apart)
        if not np.all(np.isin(problem.weights, (0.0, 1.0))):
            raise SupportError("nuts can't honour weights other than 0 and 1, since a subject's effects are drawn once: use FOCE().")
        self._refuse_improper(problem)
        default_method(problem.model).check(problem)

    def _refuse_improper(self, problem: Problem) -> None:
        parameters = parameters_of(problem.model)
        observed = (problem.weights > 0) & (np.diff(problem.timeline.first_observation) > 0)
        flat = [name for name in flat_ones(Priors.of(problem.model, parameters), parameters) if name.startswith("iiv_")]
        if flat and observed.sum() < _FEWEST:
            raise SupportError(
                f"with {counted(int(observed.sum()), 'subject')} and a flat prior of {', '.join(flat)} there is no posterior: an SD "
                f"between subjects needs {_FEWEST} of them, or a prior, as in iiv=Estimate(0.3, prior=priors.HalfNormal(0.5))."
            )

    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Raise SupportError: a posterior is no objective."""
        raise SupportError("nuts draws a posterior and has no objective to evaluate: use FOCE() or Laplace(), which count priors too.")

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Raise SupportError: what comes out is a Posterior, by `sample`."""
        raise SupportError("nuts draws a posterior instead of estimates: call sample.")

    def sample(self, problem: Problem, start: Parameters, setting: Setting, clock: Clock) -> Posterior:
        """Return the posterior. Raises FitError where the chains find no place to start, Interrupted with what there is."""
        method = default_method(problem.model)
        found = method.minimise(problem, start, setting.threads, setting.progress)
        if found.interrupted:
            raise Interrupted("interrupted while the start of the chains was searched; nothing was drawn")
        objective = Objective(problem, Scale.of(start), method.rule, setting.threads, method.priors(problem, start))
        try:
            plan, _ = whitened(problem, objective, found.point, start, self.centred)
        except np.linalg.LinAlgError as error:
            raise FitError(
                f"the curvature at the start of the chains is not positive definite ({error}): give other start values."
            ) from error
        clock.lap("start")
        chains, interrupted = run_chains(problem, plan, self, setting)
        clock.lap("sampling")
        result = posterior_of(problem, self, plan, found.point.state.parameters, chains, setting.seed, clock)
        if interrupted:
            raise Interrupted("the sampling was interrupted; what had been drawn is kept", kept=result)
        return result
