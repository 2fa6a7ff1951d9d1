"""Estimation: a model and data become a Fit."""

from popmix.estimate.certificate import Certificate
from popmix.estimate.comparison import Comparison, compare
from popmix.estimate.convergence import Convergence
from popmix.estimate.first_order import FO
from popmix.estimate.fitting import evaluate, fit
from popmix.estimate.foce import FOCE
from popmix.estimate.importance import IMP, IMPMAP, importance
from popmix.estimate.nuts import NUTS
from popmix.estimate.pooled import pooled
from popmix.estimate.posterior import Posterior
from popmix.estimate.quadrature import AGQ, Laplace
from popmix.estimate.result import Fit
from popmix.estimate.saem import SAEM, ConditionalDistribution, conditional
from popmix.estimate.sampled import Importance
from popmix.estimate.two_stage import TwoStage, two_stage

__all__ = [
    "AGQ",
    "Certificate",
    "Comparison",
    "ConditionalDistribution",
    "Convergence",
    "FO",
    "FOCE",
    "Fit",
    "IMP",
    "IMPMAP",
    "Importance",
    "Laplace",
    "NUTS",
    "Posterior",
    "SAEM",
    "TwoStage",
    "compare",
    "conditional",
    "evaluate",
    "fit",
    "importance",
    "pooled",
    "two_stage",
]
