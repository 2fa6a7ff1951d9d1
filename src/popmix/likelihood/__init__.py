"""The gate, where models and data become arrays, and the marginal likelihoods behind it."""

from popmix.likelihood.bind import bind, expectation_of
from popmix.likelihood.problem import Evaluation, Problem
from popmix.likelihood.solver import AUTOMATIC, Solver

__all__ = ["AUTOMATIC", "Evaluation", "Problem", "Solver", "bind", "expectation_of"]
