"""The gate, where models and data become arrays, and the marginal likelihoods behind it."""

from popmix.likelihood.bind import bind
from popmix.likelihood.expectation import expectation_of
from popmix.likelihood.problem import Evaluation, Problem
from popmix.likelihood.rules import Conditional, FirstOrder, Quadrature, Rule
from popmix.likelihood.sampling import Sampling
from popmix.likelihood.solver import AUTOMATIC, Solver

__all__ = [
    "AUTOMATIC",
    "Conditional",
    "Evaluation",
    "FirstOrder",
    "Problem",
    "Quadrature",
    "Rule",
    "Sampling",
    "Solver",
    "bind",
    "expectation_of",
]
