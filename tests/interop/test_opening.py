"""Run folders read back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import popmix
from popmix.interop.opening import is_run, open_run
from popmix.model import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "theophylline.py"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(popmix.datasets.path("theophylline"), tmp_path)
    fit = popmix.fit(load(EXAMPLE), tmp_path / "theophylline.csv")
    covariance = popmix.covariance(fit, "r")
    popmix.save(fit, tmp_path / "run1", command=("popmix", "fit", "theophylline.py", "theophylline.csv"), covariance=covariance)
    return fit, covariance, tmp_path / "run1"


def test_the_fit_is_the_one_that_was_saved(run):
    fit, covariance, folder = run
    found = open_run(folder)
    assert abs(found.fit.ofv - fit.ofv) < 1e-6 and found.notes == () and is_run(folder)
    assert np.array_equal(found.fit.parameters.values, fit.parameters.values)
    assert found.fit.convergence == fit.convergence and found.fit.timing == fit.timing and found.fit.messages == fit.messages
    assert np.array_equal(found.fit.trace["ofv"], fit.trace["ofv"]) and found.fit.start.as_dict() == fit.start.as_dict()
    assert np.array_equal(found.covariance.matrix, covariance.matrix) and found.covariance.condition_number == covariance.condition_number
    for table in ("predictions_table", "individuals_table"):
        for name, values in getattr(fit, table).items():
            if values.dtype.kind == "f":
                # modes are searched anew: they agree to what a search leaves
                assert np.allclose(getattr(found.fit, table)[name], values, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    "method",
    [
        popmix.FO(),
        popmix.Laplace(),
        popmix.AGQ(order=3),
        popmix.SAEM(exploration=20, smoothing=20, objective=popmix.AGQ(order=3)),
        popmix.IMP(draws=200),
    ],
    ids=lambda method: method.name,
)
def test_methods_come_back_with_their_options(method, tmp_path):
    fit = popmix.fit(load(EXAMPLE), popmix.datasets.path("theophylline"), method, seed=4)
    popmix.save(fit, tmp_path / "run")
    found = open_run(tmp_path / "run", popmix.datasets.path("theophylline"))
    assert found.fit.method == fit.method and found.notes == ()
    assert abs(found.fit.ofv - fit.ofv) < 1e-3


def test_data_that_moved_or_changed_are_told(run):
    _, _, folder = run
    data = folder.parent / "theophylline.csv"
    elsewhere = folder.parent / "other.csv"
    shutil.move(data, elsewhere)
    with pytest.raises(popmix.PopmixError, match=r"the data of this run, theophylline.csv, are not found.*--data FILE"):
        open_run(folder)
    assert open_run(folder, elsewhere).fit.n_subjects == 12
    data.write_text(elsewhere.read_text().replace("0.74", "0.75"))
    with pytest.raises(popmix.PopmixError, match="is not the data of this run: its content is another"):
        open_run(folder)


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(popmix.PopmixError, match="is no run folder"):
        open_run(tmp_path)
    (tmp_path / "fit.json").write_text(json.dumps({"format": "popmix run 0"}))
    with pytest.raises(popmix.PopmixError, match="has the format 'popmix run 0'"):
        open_run(tmp_path)
    (tmp_path / "posterior.json").write_text("{}")
    with pytest.raises(popmix.SupportError, match="holds a posterior"):
        open_run(tmp_path)


def test_an_ofv_that_is_another_is_noted(run):
    _, _, folder = run
    document = json.loads((folder / "fit.json").read_text())
    (folder / "fit.json").write_text(json.dumps(document | {"ofv": document["ofv"] + 1}))
    assert "is not the recorded 104.94" in open_run(folder).notes[0]
