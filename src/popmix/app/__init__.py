"""What the commands do, as Python functions; each is loaded on first use, so that `popmix --help` stays quick."""

import importlib
from typing import Any

_HOME = {
    "Request": "popmix.app.files",
    "fit_file": "popmix.app.files",
    "evaluate_file": "popmix.app.files",
    "profile_file": "popmix.app.uncertainty",
    "sir_file": "popmix.app.uncertainty",
    "compare_file": "popmix.app.uncertainty",
    "subject_of": "popmix.app.looking",
    "gof_run": "popmix.app.looking",
    "npde_run": "popmix.app.looking",
    "vpc_run": "popmix.app.looking",
    "report_run": "popmix.app.looking",
    "compare_runs": "popmix.app.looking",
    "are_runs": "popmix.app.looking",
    "model_and_data": "popmix.app.looking",
    "identifiability": "popmix.diagnose.identifiability",
    "bins_of": "popmix.app.looking",
    "event_of": "popmix.app.looking",
    "reference_of": "popmix.app.looking",
    "words": "popmix.app.looking",
    "Seen": "popmix.app.looking",
    "support_table": "popmix.app.support",
    "support_text": "popmix.app.support",
    "read_values": "popmix.app.files",
    "Fitted": "popmix.app.files",
    "to_json": "popmix.interop.documents",
    "check": "popmix.app.checking",
    "Check": "popmix.app.checking",
    "demo": "popmix.app.demonstration",
    "NEXT_STEPS": "popmix.app.demonstration",
    "library": "popmix.model.library.catalogue",
    "doctor": "popmix.app.health",
    "Health": "popmix.app.health",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"popmix.app has no {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value
