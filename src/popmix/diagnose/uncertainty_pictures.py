"""Pictures of what is known of the uncertainty of estimates: profiles and draws. Their makers are another room of this floor."""

from typing import Any

import numpy as np
import scipy

from popmix.errors import OptionError
from popmix.plot import Picture, objective_quantiles, parameter_densities, profile_curves
from popmix.table import Table


def profile_picture(profile: Any) -> Picture:
    """Return the profiles of `popmix.profile(fit)` with the line that cuts off their intervals."""
    points = {"NAME": profile.points["name"], "VALUE": profile.points["value"], "DELTA_OFV": profile.points["dofv"]}
    ends = {"NAME": profile.intervals["name"], "LOWER": profile.intervals["lower"], "UPPER": profile.intervals["upper"]}
    return profile_curves(Table(points), Table(ends), level=float(scipy.special.chdtri(1, 1 - profile.level)))


def draws_pictures(drawn: Any, n: int = 1000, seed: int = 1) -> list[Picture]:
    """Return the densities of the parameters that vary among draws of a Covariance, SIR or Posterior.

    For a SIR also its quantiles of dOFV beside those of chi-squared. Raises OptionError for a value without draws.
    """
    if not hasattr(drawn, "parameter_draws"):
        raise OptionError(f"{type(drawn).__name__} has no draws: give a Covariance, SIR or Posterior.")
    own = drawn.mode if hasattr(drawn, "mode") else drawn.parameters
    values = drawn.parameter_draws(n, seed)
    moving = np.flatnonzero(np.ptp(values, axis=0) > 0)
    table = Table({own.names[k]: values[:, k] for k in moving.tolist()})
    intervals = {name: tuple(np.quantile(column, [0.025, 0.975]).tolist()) for name, column in table.items()}
    pictures = [parameter_densities(table, own.as_dict(), intervals)]
    if hasattr(drawn, "dofv"):
        df = len(drawn.names)
        share = (np.arange(len(drawn.dofv)) + 0.5) / len(drawn.dofv)
        pictures.append(objective_quantiles(drawn.dofv, scipy.special.chdtri(df, 1 - share), df))
    return pictures
