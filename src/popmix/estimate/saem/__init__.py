"""SAEM, and the conditional distribution of each subject's parameters by the same chains."""

from popmix.estimate.saem.conditional import ConditionalDistribution, conditional
from popmix.estimate.saem.method import SAEM

__all__ = ["SAEM", "ConditionalDistribution", "conditional"]
