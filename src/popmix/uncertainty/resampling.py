"""The resampling step of sampling importance resampling, and what it shows about the proposal."""

from dataclasses import dataclass

import numpy as np

# a proposal is worth little when its effective vectors are fewer than this part of those kept
_FEW = 0.5
# dOFV of the resamples should follow a chi-square of as many degrees of freedom as there are parameters, or fewer
_MORE = 1.25


@dataclass(frozen=True)
class Iteration:
    """One iteration. effective: (sum w)^2 / sum w^2; mean_dofv: of the resamples, with its standard error; largest_share: of one vector.

    lowest_dofv: below zero where a vector is better than the fit.
    """

    samples: int
    resamples: int
    effective: float
    mean_dofv: float
    error_dofv: float
    largest_share: float
    lowest_dofv: float

    def trouble(self, n_parameters: int) -> str:
        """Return what makes the resamples of this iteration doubtful, "" where nothing does."""
        told = []
        if self.effective < _FEW * self.resamples:
            told.append(
                f"the {self.samples} vectors drawn are worth {self.effective:.0f}, fewer than half of the {self.resamples} kept: "
                "draw more, or begin with another covariance."
            )
        if self.mean_dofv > _MORE * n_parameters:
            told.append(f"mean dOFV {self.mean_dofv:.1f} for {n_parameters} parameters: the proposal was too wide; draw more vectors.")
        if self.lowest_dofv < -0.1:
            told.append(f"an OFV lower by {-self.lowest_dofv:.2f} was found: the fit is not at the minimum.")
        return " ".join(told)


def resample(dofv: np.ndarray, log_density: np.ndarray, n: int, generator: np.random.Generator) -> tuple[np.ndarray, Iteration]:
    """Return the positions of n vectors drawn without replacement, with probabilities proportional to exp(-dOFV / 2) / q.

    One after the other, each from what is left: the same as the n largest of log w + Gumbel noise.
    """
    log_weights = -0.5 * dofv - log_density
    log_weights -= log_weights.max()
    weights = np.exp(log_weights)
    kept = np.argsort(-(log_weights + generator.gumbel(size=len(dofv))), kind="stable")[:n]
    kept = kept[np.isfinite(dofv[kept])]
    shares = weights / weights.sum()
    own = dofv[kept]
    return kept, Iteration(
        samples=len(dofv),
        resamples=len(kept),
        effective=float(1.0 / np.sum(shares**2)),
        mean_dofv=float(own.mean()),
        error_dofv=float(own.std(ddof=1) / np.sqrt(len(own))),
        largest_share=float(shares.max()),
        lowest_dofv=float(dofv.min()),
    )
