"""Predictive checks: visual ones of every kind of outcome, and numerical ones."""

from popmix.diagnose.vpc.check import npc, vpc
from popmix.diagnose.vpc.continuous import VPC
from popmix.diagnose.vpc.cumulative import CumulativeVPC, mean_cumulative
from popmix.diagnose.vpc.discrete import CategoryVPC
from popmix.diagnose.vpc.numerical import NPC
from popmix.diagnose.vpc.survival import SurvivalVPC, kaplan_meier

__all__ = ["NPC", "VPC", "CategoryVPC", "CumulativeVPC", "SurvivalVPC", "kaplan_meier", "mean_cumulative", "npc", "vpc"]
