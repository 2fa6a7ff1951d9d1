"""Reference numbers through the command line, as whole processes."""

import csv
import json
import subprocess
import sys

import pytest
from reference_cases import CASES, case_of, half_unit

pytestmark = pytest.mark.skipif(not CASES, reason="needs the folder of reference cases beside the checkout")


def popmix(*words) -> subprocess.CompletedProcess:
    done = subprocess.run([sys.executable, "-m", "popmix", *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize(("name", "which"), [("pheno_cov_block", 0), ("nlme_theoph_diag", 0)])
def test_evaluate(tmp_path, name, which):
    case = case_of(name)
    item = case.evaluations[which]
    (tmp_path / "at.json").write_text(json.dumps(item["at"]))
    words = ("--method", item["method"], "--at", tmp_path / "at.json", "--json")
    document = json.loads(popmix("evaluate", case.model, case.data, *words).stdout)
    assert document["ofv"] == pytest.approx(item["ofv"], rel=0, abs=item["tolerance"])
    assert {each: document["estimates"][each]["value"] for each in item["at"]} == item["at"]


@pytest.mark.parametrize("name", ["pheno_cov_block", "nlme_theoph_diag"])
def test_fit(tmp_path, name):
    case = case_of(name)
    fit = case.expected["fit"]
    popmix("fit", case.model, case.data, "--method", fit["method"], "--out", tmp_path / "run")
    document = json.loads((tmp_path / "run" / "fit.json").read_text())
    assert document["converged"] is True and document["ofv"] <= fit["ofv_at_most"]
    for parameter, value in fit["estimates"].items():
        rtol = fit["rtol"].get(parameter, fit["rtol"]["default"])
        assert document["estimates"][parameter]["value"] == pytest.approx(value, rel=rtol), parameter


def test_the_run_folder_holds_the_tables_of_the_tool(tmp_path):
    case = case_of("pheno_cov_block")
    item, printed = case.evaluations[0], case.table("individuals.csv")
    (tmp_path / "at.json").write_text(json.dumps(item["at"]))
    popmix("evaluate", case.model, case.data, "--at", tmp_path / "at.json", "--out", tmp_path / "run")
    with (tmp_path / "run" / "individuals.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["ID"] for row in rows] == printed["ID"]
    allowed = half_unit(printed["eta_CL"]) + 2e-5  # as in test_tables
    for row, theirs, most in zip(rows, printed["eta_CL"], allowed, strict=True):
        assert abs(float(row["eta_CL"]) - float(theirs)) <= most
