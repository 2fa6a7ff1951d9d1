"""Estimation: a model and data become a Fit."""

from popmix.estimate.certificate import Certificate
from popmix.estimate.comparison import Comparison, compare
from popmix.estimate.convergence import Convergence
from popmix.estimate.first_order import FO
from popmix.estimate.fitting import evaluate, fit
from popmix.estimate.foce import FOCE
from popmix.estimate.nuts import NUTS
from popmix.estimate.pooled import pooled
from popmix.estimate.posterior import Posterior
from popmix.estimate.quadrature import AGQ, Laplace
from popmix.estimate.result import Fit
from popmix.estimate.saem import SAEM, ConditionalDistribution, conditional
from popmix.estimate.two_stage import TwoStage, two_stage

__all__ = [
    "AGQ",
    "FO",
    "FOCE",
    "Certificate",
    "Comparison",
    "SAEM",
    "ConditionalDistribution",
    "Convergence",
    "Fit",
    "Laplace",
    "NUTS",
    "Posterior",
    "TwoStage",
    "compare",
    "evaluate",
    "fit",
    "pooled",
    "conditional",
    "two_stage",
]
