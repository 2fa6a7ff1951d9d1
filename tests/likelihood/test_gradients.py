"""The exact gradient of both objectives in every parameter, on every foundation reference model, against differences."""

import json
from pathlib import Path

import numpy as np
import pytest
from differences import slope

from popmix.estimate.objective import natural_scores
from popmix.likelihood import Problem, bind
from popmix.model import load
from popmix.model.parameters import Parameters, parameters_of

FOLDER = Path(__file__).parents[3] / "shared" / "reference"
CASES = [path.parent for path in sorted(FOLDER.glob("*/expected.json")) if json.loads(path.read_text())["stage"] == "foundation"]
STEP = 2e-3


def scales_of(parameters: Parameters) -> np.ndarray:
    """Return the size on which a parameter moves: its value; one where that is zero; the distance to 1 of a correlation."""
    correlations = np.array(parameters.kinds) == "corr"
    sizes = np.where(parameters.values == 0, 1.0, np.abs(parameters.values))
    return np.where(correlations, 1.0 - np.abs(parameters.values), sizes)


def along(problem: Problem, parameters: Parameters, modes: np.ndarray, interaction: bool, position: int):
    """Return the OFV as a function of the change of one parameter, with mode searches from the modes given."""

    def ofv(change: float) -> float:
        values = parameters.values.copy()
        values[position] += change
        evaluation = problem.foce(parameters.unchecked(values), interaction=interaction, modes=modes)
        assert len(evaluation.failed) == 0
        return evaluation.ofv

    return ofv


@pytest.mark.skipif(not CASES, reason=f"the reference cases are not there: {FOLDER}")
def test_there_are_foundation_cases():
    assert len(CASES) >= 10


@pytest.mark.parametrize("interaction", [True, False], ids=["focei", "foce"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_gradient_is_that_of_differences(case, interaction):
    problem = bind(load(case / "model.py"), case / "data.csv")
    reported = json.loads((case / "expected.json").read_text())["evaluations"]
    starts = [parameters_of(problem.model), *(parameters_of(problem.model).with_values(one["at"]) for one in reported[:1])]
    for parameters in starts:
        evaluation = problem.foce(parameters, interaction=interaction, globally=True)
        if len(evaluation.failed):
            continue
        scales = scales_of(parameters)
        gradient = problem.weights @ natural_scores(problem, evaluation) * scales
        # the modes are exact to 1e-8 of their SD, and the objective to its rounding
        noise = 1e-8 * problem.n_subjects**0.5 / STEP + 1e-14 * abs(evaluation.ofv) / STEP
        for position, name in enumerate(parameters.names):
            moved = along(problem, parameters, evaluation.marginal.eta, interaction, position)
            expected = slope(moved, STEP * scales[position]) * scales[position]
            assert gradient[position] == pytest.approx(expected, rel=1e-5, abs=noise), name
