"""The commands that look at a run: what they print, write and refuse."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import popmix
from popmix.cli.commands import shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "theophylline.py"


def called(*words):
    return CliRunner().invoke(shell, [str(word) for word in words])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("looking")
    shutil.copy(EXAMPLE, folder)
    shutil.copy(popmix.datasets.path("theophylline"), folder)
    model, data = folder / "theophylline.py", folder / "theophylline.csv"
    for name, more in (("run1", ("--covariance", "r")), ("run2", ("--method", "focei", "--npde", "0"))):
        result = called("fit", model, data, "--out", folder / name, *more)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(autouse=True)
def there(place, monkeypatch):
    monkeypatch.chdir(place)


def npde(folder):
    with (folder / "predictions.csv").open(newline="") as stream:
        return [row["NPDE"] for row in csv.DictReader(stream)]


def test_a_run_folder_has_npde_unless_they_are_left_out(place):
    assert all(npde(place / "run1")) and not any(npde(place / "run2"))


def test_npde_go_into_the_run_folder(place):
    before = (place / "run2" / "individuals.csv").read_text()
    result = called("npde", "run2", "--n", 100, "--seed", 3)
    assert result.exit_code == 0 and "NPDE of run2 from 100 replicates (cholesky)" in result.output and "global p" in result.output
    assert all(npde(place / "run2")) and (place / "run2-npde" / "npde_panel.png").is_file()
    assert (place / "run2" / "individuals.csv").read_text() == before
    found = popmix.residuals(popmix.open_run("run2").fit, 100, seed=3).table["NPDE"]
    assert [float(value) for value in npde(place / "run2")] == pytest.approx(found.tolist(), abs=1e-6)


def test_pictures_and_their_tables_are_written(place):
    result = called("gof", "run1", "--out", "pictures", "--format", "svg")
    assert result.exit_code == 0, result.output
    written = {path.name for path in (place / "pictures").iterdir()}
    assert {"gof.svg", "dv_pred.svg", "cwres_time.svg", "residuals.csv"} <= written
    assert all(f"pictures/{name}" in result.output for name in written)


def test_a_predictive_check_takes_the_options_of_the_function(place):
    words = ("--n", 100, "--bins", "0,1,5,25", "--correction", "reference", "--reference", "AMT=4", "--uncertainty", "--out", "check")
    result = called("vpc", "run1", *words, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {row["BIN"] for row in told["bins"]} == {0, 1, 2} and told["files"][0] == "check/rcvpc.png"
    assert "VPC of DV against TIME, 100 replicates" in told["summary"][0]


def test_a_model_and_its_data_are_fitted_first(place):
    result = called("vpc", "theophylline.py", "theophylline.csv", "--n", 50, "--out", "direct")
    assert result.exit_code == 0 and "VPC of DV" in result.output


def test_the_number_of_repeated_events_is_checked(place):
    """Two attacks of each subject until 20: the check of the first, and that of all."""
    (place / "attacks.py").write_text(
        "from popmix import *\n\n\nclass Attacks(Model):\n    rate = Theta(0.1, lower=0)\n    ATTACK = Observation(TimeToEvent(rate))\n"
    )
    rows = [f"{k},{t},{v}" for k in range(1, 13) for t, v in ((k, 1), (k + 7.5, 1), (20, 0))]
    (place / "attacks.csv").write_text("\n".join(["ID,TIME,DV", *rows]))
    for words, measure in (((), "SURVIVAL"), (("--event", "all"), "CUMULATIVE")):
        result = called("vpc", "attacks.py", "attacks.csv", "--n", 40, "--out", f"of-{measure}", "--json", *words)
        assert result.exit_code == 0, result.output
        with (place / f"of-{measure}" / "observed.csv").open(newline="") as stream:
            assert float(list(csv.DictReader(stream))[-1][measure]) == pytest.approx(0.0 if measure == "SURVIVAL" else 2.0)


def test_a_report_is_written(place):
    result = called("report", "run1", "-o", "r.html", "--n", 50)
    assert result.exit_code == 0 and "Report: r.html (5." in result.output
    assert "Goodness of fit" in (place / "r.html").read_text()


def test_runs_are_shown_side_by_side():
    result = called("compare", "run1", "run2")
    assert result.exit_code == 0 and "DELTA_OFV" in result.output and "run1" in result.output
    told = json.loads(called("compare", "run1", "run2", "--json").stdout)
    assert [row["NAME"] for row in told["criteria"]] == ["run1", "run2"] and len(told["by_subject"]) == 12
    assert called("compare", "theophylline.py", "theophylline.csv").exit_code == 0


def test_what_the_data_can_say_is_part_of_a_check():
    result = called("check", "theophylline.py", "theophylline.csv", "--identifiability")
    assert result.exit_code == 0 and "rank 8 of 8 parameters" in result.output
    told = json.loads(called("check", "theophylline.py", "theophylline.csv", "--identifiability", "--json").stdout)
    assert told["identifiability"]["rank"] == 8


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vpc", "run9"), "run9 is no run folder"),
        (("gof", "run1", "--format", "bmp"), "--format bmp: a picture is written as png, pdf, svg, html"),
        (("vpc", "run1", "--event", "0"), "--event 0: give a number from 1, or all"),
        (("vpc", "run1", "--bins", "a,b"), "--bins a,b: give auto, unique, none, a number, or edges"),
        (("vpc", "run1", "--reference", "AMT"), "--reference AMT: write COLUMN=VALUE"),
        (("vpc", "run2", "--uncertainty"), "--uncertainty needs the covariance of the estimates"),
        (("npde", "run1", "--decorrelation", "polar"), "decorrelation='polar' doesn't exist"),
        (("compare", "run1"), "one run can't be compared with itself"),
        (("compare", "run1", "theophylline.py"), "theophylline.py is no run folder"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_told(words, told):
    result = called(*words)
    assert result.exit_code == 2 and told in result.stderr and result.stdout == ""
