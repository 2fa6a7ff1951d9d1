"""From files to a fit and its run folder."""

import json

import pytest

from popmix.app import files
from popmix.app.files import Request, evaluate_file, fit_file
from popmix.app.theophylline import Theophylline
from popmix.data import datasets
from popmix.errors import Interrupted, OptionError, PopmixError
from popmix.likelihood import Solver


@pytest.fixture
def estimation(monkeypatch, make_fit):
    """Replace the estimation by one that answers at once; returns the arguments it was called with."""
    calls = []

    def fit(model, data, method, **options):
        calls.append((model, data, method, options))
        return make_fit()

    monkeypatch.setattr(files, "fit", fit)
    monkeypatch.setattr(files, "evaluate", fit)
    return calls


def test_the_model_is_loaded_and_the_options_go_on(estimation, tmp_path):
    path = tmp_path / "m.py"
    path.write_text(Theophylline.source())
    fit_file(f"{path}:Theophylline", "d.csv", "a method", Request(seed=3, threads=2, columns={"time": "TAFD"}))
    model, data, method, options = estimation[0]
    assert (model, data, method) == (Theophylline, "d.csv", "a method")
    assert options.pop("solver") == Solver()
    assert options.pop("start") is None and options.pop("checkpoint") is None
    assert options == {"threads": 2, "seed": 3, "n_starts": 1, "progress": None, "columns": {"time": "TAFD"}}


def test_the_run_folder_is_refused_before_the_work(estimation, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for work in (fit_file, evaluate_file):
        with pytest.raises(PopmixError, match="no run folder"):
            work(Theophylline, "d.csv", None, request=Request(out=tmp_path))
    assert not estimation


def test_an_evaluation_makes_a_run_folder_too(estimation, tmp_path):
    evaluate_file(Theophylline, "d.csv", None, {"tvCL": 0.05}, Request(out=tmp_path / "run"))
    assert estimation[0][3]["at"] == {"tvCL": 0.05}
    assert (tmp_path / "run" / "fit.json").exists()


def test_what_an_interrupted_fit_had_reached_is_kept(monkeypatch, make_fit, tmp_path):
    def interrupted(*_, **__):
        raise Interrupted("Interrupted after 3 iterations.", make_fit(ofv=200.0))

    monkeypatch.setattr(files, "fit", interrupted)
    with pytest.raises(Interrupted, match="after 3 iterations: see "):
        fit_file(Theophylline, "d.csv", None, Request(out=tmp_path / "run"))
    assert json.loads((tmp_path / "run" / "fit.json").read_text())["ofv"] == 200.0


def test_an_interruption_with_nothing_to_keep_goes_on_as_it_is(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise Interrupted("Interrupted.")

    monkeypatch.setattr(files, "fit", interrupted)
    with pytest.raises(Interrupted, match=r"^Interrupted\.$"):
        fit_file(Theophylline, "d.csv", None, Request(out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_threads_are_at_least_one():
    with pytest.raises(OptionError, match="--jobs 0"):
        Request(threads=0)


def test_an_interrupt_while_npde_are_simulated_keeps_the_fit(tmp_path, monkeypatch):
    """The run folder is complete but for NPDE, and the exception says how to add them."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "residuals", interrupted)
    request = Request(tmp_path / "run", npde=10)
    with pytest.raises(Interrupted, match=r"interrupted while NPDE were simulated; .*run is complete but for these \(popmix npde"):
        fit_file(Theophylline, datasets.path("theophylline"), None, request)
    assert (tmp_path / "run" / "fit.json").is_file() and (tmp_path / "run" / "predictions.csv").is_file()
