"""Floor 9, report: a fit as one HTML file that needs nothing from outside."""

from popmix.report.report import report

__all__ = ["report"]
