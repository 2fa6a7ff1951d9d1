"""The command line as processes, with the engine behind it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from popmix.data import datasets

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "examples" / "theophylline.py"
DATA = datasets.path("theophylline")


def popmix(*words, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "popmix", *map(str, words)], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The run folder of a fit of theophylline."""
    folder = tmp_path_factory.mktemp("runs") / "run1"
    done = popmix("fit", MODEL, DATA, "--out", folder, "--seed", 5)
    assert done.returncode == 0, done.stderr
    assert "Theophylline on theophylline.csv: FOCEI, 12 subjects, 132 observations" in done.stdout
    return folder


def test_the_run_folder_is_whole(run):
    assert sorted(path.name for path in run.iterdir()) == ["fit.json", "individuals.csv", "model.py", "predictions.csv", "trace.csv"]
    document = json.loads((run / "fit.json").read_text())
    assert document["converged"] is True and document["seed"] == 5
    assert document["n_subjects"] == 12 and document["n_observations"] == 132
    assert document["command"][:2] == ["popmix", "fit"]
    header = (run / "predictions.csv").read_text().splitlines()[0]
    assert header.startswith("ID,TIME,DV,PRED,IPRED,RES,IRES,WRES,IWRES,CWRES,NPDE")
    assert len((run / "individuals.csv").read_text().splitlines()) == 13


def test_the_estimates_give_the_objective_again(run):
    document = json.loads((run / "fit.json").read_text())
    done = popmix("evaluate", run / "model.py", DATA, "--at", run / "fit.json", "--json", "--jobs", 1)
    again = json.loads(done.stdout)
    assert done.returncode == 0
    assert again["ofv"] == pytest.approx(document["ofv"], abs=1e-7)
    assert again["estimates"]["tvCL"]["value"] == document["estimates"]["tvCL"]["value"]


def test_the_numbers_do_not_depend_on_the_threads():
    one, two = (json.loads(popmix("fit", MODEL, DATA, "--json", "--jobs", jobs).stdout) for jobs in (1, 2))
    for changing in ("timing", "command"):
        one.pop(changing), two.pop(changing)
    assert one == two


def test_foce_is_not_focei():
    both = [json.loads(popmix("evaluate", MODEL, DATA, "--method", name, "--json").stdout) for name in ("foce", "focei")]
    assert [document["method"] for document in both] == ["foce", "focei"]
    assert both[0]["ofv"] != both[1]["ofv"]


@pytest.mark.parametrize(
    ("model", "data", "told"),
    [
        ("nothing.py", DATA, "nothing.py"),
        (MODEL, "nothing.csv", "nothing.csv"),
        (MODEL, MODEL, "theophylline.py"),
        (f"{MODEL}:Theofylline", DATA, "Theophylline"),
        (ROOT / "tests" / "model" / "mistakes" / "if_on_condition.py", DATA, "where(condition, a, b)"),
    ],
)
def test_what_can_not_be_read_is_a_message(tmp_path, model, data, told):
    done = popmix("fit", model, data, "--out", tmp_path / "run")
    assert done.returncode == 1 and done.stdout == ""
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("values", ['{"tvCl": 1}', '{"tvCL": -1}', '{"iiv_CL": 0}', '{"tvCL": 1e400}', '{"tvCL": NaN}'])
def test_values_that_can_not_be_are_a_message(tmp_path, values):
    (tmp_path / "values.json").write_text(values)
    done = popmix("evaluate", MODEL, DATA, "--at", tmp_path / "values.json")
    assert done.returncode == 1 and done.stdout == ""
    assert "CL" in done.stderr and "Traceback" not in done.stderr and "fault of popmix" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_of_ours():
    reader = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    reader.wait()
    writer = subprocess.Popen([sys.executable, "-m", "popmix", "check", MODEL], stdout=reader.stdin, stderr=subprocess.PIPE, text=True)
    reader.stdin.close()
    assert "Traceback" not in writer.communicate(timeout=60)[1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 6.0])
def test_an_interrupted_fit_is_130_and_leaves_all_or_nothing(tmp_path, seconds):
    header, *rows = DATA.read_text().splitlines()
    copies = [row.split(",", 1) for row in rows]
    lines = [f"{int(first) + 12 * k},{rest}" for k in range(150) for first, rest in copies]
    (tmp_path / "large.csv").write_text("\n".join([header, *lines]) + "\n")
    words = [sys.executable, "-m", "popmix", "fit", MODEL, tmp_path / "large.csv", "--out", tmp_path / "run", "--jobs", "1"]
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    # before Python has loaded the command, an interruption ends the process by the signal itself: 130 in a shell
    assert process.returncode in (0, 130, -signal.SIGINT), told
    assert "Traceback" not in told or process.returncode == -signal.SIGINT
    left = {path.name for path in tmp_path.iterdir()} - {"large.csv"}
    assert left <= {"run"}
    if left:
        assert json.loads((tmp_path / "run" / "fit.json").read_text())["n_subjects"] == 1800
