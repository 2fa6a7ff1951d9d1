"""Naive pooling: all observations as if from one subject, without random effects."""

from collections.abc import Mapping
from typing import Any

from popmix.estimate.fitting import fit
from popmix.estimate.pooling import pooled_model
from popmix.estimate.result import Fit
from popmix.model.model import Model


def pooled(model: Model, data: Any, **options: Any) -> Fit:
    """Fit a model without its random effects (naive pooling): what is left of the variability goes into the residual error.

    A quick first look, and biased where individuals differ: the average curve is not the curve of the average individual. Options are those
    of `popmix.fit`. Raises SupportError for a Mixture, else as `fit` does. Source: Sheiner and Beal (J Pharmacokinet Biopharm 8:553, 1980).
    """
    start = options.pop("start", None)
    reduced = pooled_model(model)
    return fit(reduced, data, start=_known(start, reduced), **options)


def _known(start: Any, reduced: Model) -> Any:
    """Return the start values that the reduced model knows."""
    if not isinstance(start, Mapping):
        return start
    return {name: value for name, value in start.items() if not name.startswith(("iiv_", "iov_", "corr_"))}
