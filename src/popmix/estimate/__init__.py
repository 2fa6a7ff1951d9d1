"""Estimation: a model and data become a Fit."""

from popmix.estimate.convergence import Convergence
from popmix.estimate.first_order import FO
from popmix.estimate.fitting import evaluate, fit
from popmix.estimate.foce import FOCE
from popmix.estimate.quadrature import AGQ, Laplace
from popmix.estimate.result import Fit
from popmix.estimate.two_stage import TwoStage, two_stage

__all__ = ["AGQ", "FO", "FOCE", "Convergence", "Fit", "Laplace", "TwoStage", "evaluate", "fit", "two_stage"]
