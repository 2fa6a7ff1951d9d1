"""Conditional modes, individual objectives, predictions and residuals at the reported estimates, to the printed digits.

A printed number is known to half a unit of its last digit. The tool computed it at estimates that are printed with six digits,
and now and then at those of a run a hair away (the predictions of pheno_real fit a tvV lower by 1.4e-5); each allowance beyond
the half unit is stated where it is made. Conventions that these columns confirm: RES = DV - PRED with PRED at eta = 0; WRES
with G and R at eta = 0; CWRES with G and R at the mode; IWRES with R at the mode; the symmetric root of the covariance.
"""

import numpy as np
import pytest
from reference_cases import CASES, Case, case_of, every, half_unit, method_of

import popmix
from popmix.estimate import FOCE
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of

# modes: estimates of six digits move them by some 1e-6, the tools' searches stop at about as much (largest found: 6e-6)
_MODE = 2e-5
# of tools that integrated differential equations, whose errors of 1e-6 and more they carry (largest found: 5e-5)
_MODE_OF_EQUATIONS = 1e-4
# of searches without derivatives (largest found: 1.4e-4)
_MODE_OF_SEARCHES = 2e-4
# objective of one subject: as much, times its slope in the estimates, which vanishes only in the sum (largest found: 3e-4)
_OFV = 1e-3
# predictions, relative, and weighted residuals, in standard deviations (largest found: 3e-5 and 3e-4)
_PREDICTION, _RESIDUAL = 5e-5, 5e-4


def _evaluated(case: Case) -> popmix.Fit:
    item = next(iter(case.evaluations), None)
    at = case.expected["evaluations"][0]["at"]
    # modes, PRED and IPRED do not depend on the method
    return popmix.evaluate(popmix.load(case.model), case.data, method_of(item) if item else FOCE(), at=at)


def _with_modes(case: Case) -> list:
    columns = case.table("individuals.csv") or {}
    return [columns] if any(name.startswith("eta_") for name in columns) else []


@pytest.mark.parametrize(("case", "columns"), every(_with_modes))
def test_modes_and_objectives_by_subject(case, columns):
    found = _evaluated(case)
    table, allowed = found.individuals_table, _MODE_OF_EQUATIONS if found.model.states else _MODE
    allowed = _MODE_OF_SEARCHES if case.expected["tool"].startswith(("saemix", "Monolix")) else allowed
    assert list(table["ID"]) == columns["ID"]
    same = _same_mode(case, table)
    for name, printed in columns.items():
        if name == "ID" or name.startswith(("mean_eta_", "sd_eta_")):
            continue
        difference = np.abs(table[name] - np.array(printed, dtype=float))[same]
        size = np.maximum(1.0, np.abs(table[name][same]))
        assert np.all(difference <= half_unit(printed)[same] + (_OFV if name == "OFV" else allowed * size)), (
            f"{name}: {np.max(difference):.2g}"
        )


def _same_mode(case: Case, table) -> np.ndarray:
    """Return which rows belong to subjects that the tool left in no other mode (see `reference_cases.ELSEWHERE`)."""
    return ~np.isin(table["ID"].astype(str), list(case.elsewhere(0)))


def _with_modes_of_subjects(case: Case) -> list:
    """Gaussian outcomes with effects of the subject alone, whose joint density follows from the predictions."""
    gaussian = case.evaluations[0]["method"] in ("focei", "foce") if case.evaluations else False
    return [columns for columns in _with_modes(case) if gaussian and not any(name.startswith("kappa_") for name in columns)]


@pytest.mark.parametrize(("case", "columns"), every(_with_modes_of_subjects))
def test_no_mode_of_the_tool_is_better(case, columns):
    """The joint density at our modes is at least the density at the tool's: no search has settled in a local mode."""
    item = case.evaluations[0]
    model = popmix.load(case.model)
    problem, parameters = bind(model, case.data), parameters_of(model).with_values(item["at"])
    own = problem.foce(parameters, interaction=item["method"] == "focei", globally=True).marginal.eta
    theirs = np.column_stack([np.array(columns[f"eta_{name}"], dtype=float) for name in parameters.eta_names])
    interaction = item["method"] == "focei"
    lowest, reported = (_twice_l(problem, parameters, etas, interaction) for etas in (own, theirs))
    assert np.all(lowest <= reported + 1e-9)


def _twice_l(problem, parameters, etas, interaction: bool) -> np.ndarray:
    """Return -2 log p(y, eta) of every subject, from the predictions."""
    found = problem.predictions(parameters, etas)
    variance = (found if interaction else problem.predictions(parameters)).variance
    subjects = problem.data.subject[problem.timeline.observed_row]
    terms = np.log(variance) + (problem.timeline.y - found.f) ** 2 / variance
    prior = np.einsum("ni,ij,nj->n", etas, np.linalg.inv(parameters.omega()), etas)
    return np.bincount(subjects, terms, minlength=problem.n_subjects) + prior


def _with_predictions(case: Case) -> list:
    columns = case.table("predictions.csv")
    return [columns] if columns else []


@pytest.mark.parametrize(("case", "columns"), every(_with_predictions))
def test_predictions_and_residuals_by_observation(case, columns):
    found = _evaluated(case).predictions_table
    assert list(found["ID"]) == columns["ID"]
    prediction = _PREDICTION * np.maximum(np.abs(found["PRED"]), np.abs(found["IPRED"]))
    allowed = dict.fromkeys(("PRED", "IPRED", "RES", "IRES"), prediction) | dict.fromkeys(("WRES", "CWRES", "IWRES"), _RESIDUAL)
    compared = [name for name in allowed if name in columns]
    assert len(compared) >= 2
    same = _same_mode(case, found)
    for name in compared:
        difference = np.abs(found[name] - np.array(columns[name], dtype=float))[same]
        assert np.all(difference <= (half_unit(columns[name]) + allowed[name])[same]), f"{name}: {np.max(difference):.2g}"


@pytest.mark.skipif(not CASES, reason="needs the folder of reference cases beside the checkout")
def test_of_two_modes_the_one_with_more_likelihood_is_taken():
    """xpose001: subject 1405 has a mode with a higher density (by exp(0.9)), and one with more likelihood around it, NONMEM's."""
    case = case_of("xpose001_lag_ss_focei")
    columns, item = case.table("individuals.csv"), case.evaluations[0]
    model = popmix.load(case.model)
    problem, parameters = bind(model, case.data), parameters_of(model).with_values(item["at"])
    found = problem.foce(parameters, globally=True)
    assert found.individual == pytest.approx(np.array(columns["OFV"], dtype=float), abs=_OFV)
    assert found.ofv == pytest.approx(item["ofv"], abs=item["tolerance"])


@pytest.mark.skipif(not CASES, reason="needs the folder of reference cases beside the checkout")
def test_focei_residuals_are_not_foce_residuals():
    """The residual variance of IWRES and CWRES follows the method: at the mode with interaction, at eta = 0 without."""
    case = case_of("pheno_real")
    model, at = popmix.load(case.model), case.evaluations[0]["at"]
    conditional, frozen = (popmix.evaluate(model, case.data, FOCE(interaction=way), at=at).predictions_table for way in (True, False))
    for found, prediction in ((conditional, "IPRED"), (frozen, "PRED")):
        sd = at["proportional_DV"] * found[prediction]
        assert found["IWRES"] == pytest.approx((found["DV"] - found["IPRED"]) / sd, rel=1e-12, abs=1e-12)
