"""Floor 6, simulate: data as a model says they come about."""

from popmix.simulate.replicates import Replicates, replicates

__all__ = ["Replicates", "replicates"]
