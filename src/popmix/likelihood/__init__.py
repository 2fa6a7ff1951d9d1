"""The gate, where models and data become arrays, and the marginal likelihoods behind it."""

from popmix.likelihood.bind import bind, expectation_of
from popmix.likelihood.problem import Evaluation, Problem

__all__ = ["Evaluation", "Problem", "bind", "expectation_of"]
