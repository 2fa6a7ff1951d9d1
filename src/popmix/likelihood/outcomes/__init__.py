"""Outcomes of every kind given the random effects: their arguments, how they are drawn, and their distribution functions."""

from popmix.likelihood.outcomes.conditional import Outcomes, random_effects
from popmix.likelihood.outcomes.families import Family

__all__ = ["Family", "Outcomes", "random_effects"]
