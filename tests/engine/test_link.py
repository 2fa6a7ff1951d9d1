"""What is linked: closed forms go through every dosing history without the functions that only differential equations need."""

import os
import subprocess
import sys
from pathlib import Path

import popmix

# in a process of its own, as others have linked everything; a call of what is not there would end it
SCRIPT = """
import sys
sys.path[:0] = {folders!r}
import numpy as np
from test_dosing import CASES, HISTORIES, problem_of
from popmix.engine.link import _OF_EQUATIONS, link
from popmix.model import read
from popmix.model.parameters import parameters_of
from popmix.likelihood import Conditional, Solver, bind

finite = 0
for history, structure, varying in CASES:
    problem = problem_of(HISTORIES[history], structure, varying=varying)
    parameters = parameters_of(problem.model)
    finite += bool(np.isfinite(problem.foce(parameters, globally=True).ofv))
    problem.information(problem.foce(parameters), Conditional())
    for slopes in (True, False):
        assert np.all(np.isfinite(problem.predictions(parameters, slopes=slopes).f)), (history, structure)
    problem.arrivals(parameters)
addresses = link()
assert finite == len(CASES), finite
assert not any(addresses[name] for name in _OF_EQUATIONS)
assert all(address for name, address in addresses.items() if name not in _OF_EQUATIONS)
bind(problem.model, problem.data, solver=Solver("nonstiff"))
assert all(link().values())
"""


def test_closed_forms_need_nothing_of_what_equations_need():
    environment = os.environ | {"PYTHONPATH": str(Path(popmix.__file__).parents[1])}
    script = SCRIPT.format(folders=[str(Path(__file__).parent), str(Path(__file__).parents[1])])
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
