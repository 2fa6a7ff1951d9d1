"""Differential equations against the closed forms that they have: every kind of dosing event, with first and second derivatives."""

import pytest
from dosing_jets import Solver as Stepper
from test_dosing import ETA, HISTORIES, STRUCTURES, close, source_of, table_of

from popmix.likelihood import Solver, bind
from popmix.model import read


def pair(history: list[dict], structure: str, varying: bool, solver: Solver) -> tuple[Stepper, Stepper]:
    """Return a model's closed form and its integration."""
    model, table = read(source_of(history, structure, 0.71)), table_of(history, varying)
    return Stepper(bind(model, table)), Stepper(bind(model, table, solver=solver))


@pytest.mark.parametrize("varying", [False, True], ids=["constant", "varying"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("history", HISTORIES)
def test_equals_the_closed_form(history, structure, varying):
    if history == "a depot that is switched off" and structure == "three":
        pytest.skip("there is no depot")
    closed, integrated = pair(HISTORIES[history], structure, varying, Solver("nonstiff", tolerance=1e-11))
    f, first, second = closed.jets(ETA)
    found, found_first, found_second = integrated.jets(ETA)
    # errors add up over steps, and second derivatives are not controlled
    close(found, f, 1e-9)
    close(found_first, first, 1e-8)
    close(found_second, second, 1e-7)
    close(integrated.values(ETA), f, 1e-9)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_stiff_method_equals_the_closed_form(history):
    closed, integrated = pair(HISTORIES[history], "two, oral", False, Solver("stiff", tolerance=1e-10))
    f, first, second = closed.jets(ETA)
    found, found_first, found_second = integrated.jets(ETA)
    close(found, f, 1e-8)
    close(found_first, first, 1e-7)
    close(found_second, second, 1e-6)
    close(integrated.values(ETA), f, 1e-8)
