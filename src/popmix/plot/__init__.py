"""Drawings of tables: they know columns, no models."""

from popmix.plot.convergence import convergence_plot

__all__ = ["convergence_plot"]
