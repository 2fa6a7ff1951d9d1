"""Estimation: a model and data become a Fit."""

from popmix.estimate.fitting import evaluate, fit
from popmix.estimate.foce import FOCE
from popmix.estimate.nuts import NUTS
from popmix.estimate.posterior import Posterior
from popmix.estimate.quadrature import AGQ, Laplace
from popmix.estimate.result import Convergence, Fit
from popmix.estimate.two_stage import TwoStage, two_stage

__all__ = ["AGQ", "FOCE", "Convergence", "Fit", "Laplace", "NUTS", "Posterior", "TwoStage", "evaluate", "fit", "two_stage"]
