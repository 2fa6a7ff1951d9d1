"""Estimation: a model and data become a Fit."""

from popmix.estimate.fitting import evaluate, fit
from popmix.estimate.foce import FOCE
from popmix.estimate.result import Convergence, Fit

__all__ = ["FOCE", "Convergence", "Fit", "evaluate", "fit"]
