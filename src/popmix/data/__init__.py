"""Floor 1, data: event tables, their reading, and what may be wrong with them."""

from popmix.data.card import card
from popmix.data.expectation import FEATURES, Expectation
from popmix.data.findings import Finding, Findings
from popmix.data.reading import check, read
from popmix.data.table import EventTable

__all__ = ["FEATURES", "EventTable", "Expectation", "Finding", "Findings", "card", "check", "read"]
