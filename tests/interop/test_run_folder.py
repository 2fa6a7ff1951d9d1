"""The run folder: its content, and that it is there as a whole or not at all."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import popmix
from popmix.app.files import read_values
from popmix.app.theophylline import Theophylline
from popmix.data import datasets
from popmix.errors import PopmixError
from popmix.interop import exchange, run_folder
from popmix.interop.documents import plain, to_json
from popmix.model import load

CONTRACT = {
    "method", "ofv", "minus2ll", "aic", "bic", "converged", "gradient_norm", "n_subjects", "n_observations", "estimates", "omega",
    "individuals", "shrinkage", "timing", "seed", "versions",
}  # fmt: skip


def saved(fit, folder: Path, **options) -> dict:
    run_folder.save(fit, folder, **options)
    return json.loads((folder / "fit.json").read_text())


def test_fit_json_has_the_keys_of_the_contract(make_fit, tmp_path):
    document = saved(make_fit(se={"tvCL": 0.004}, seed=7), tmp_path / "run", command=("popmix", "fit"))
    assert set(document) >= CONTRACT
    assert document["method"] == "focei"
    assert document["seed"] == 7
    assert document["command"] == ["popmix", "fit"]
    assert document["estimates"]["tvCL"] == {
        "value": 0.04, "se": 0.004, "rse": 10.0, "lower": None, "upper": None, "fixed": False, "unit": "L/h/kg",
    }  # fmt: skip
    assert document["estimates"]["additive_DV"]["unit"] is None
    assert document["omega"]["names"] == ["Ka", "CL", "V"]
    assert np.allclose(document["omega"]["matrix"], np.diag([0.36, 0.09, 0.04]))
    assert len(document["individuals"]) == 12
    assert document["individuals"][0] == {"id": "1", "ofv": 9.5, "eta": {"Ka": -0.1, "CL": -0.1, "V": -0.1}}
    assert len(document["data"]["sha256"]) == 64


def test_weights_are_kept_where_there_are_any(make_fit, tmp_path):
    assert saved(make_fit(), tmp_path / "without")["weights"] is None
    weights = [2.0, 0.0] + [1.0] * 10
    assert saved(make_fit(weights=np.array(weights)), tmp_path / "with")["weights"] == weights


def test_what_is_not_finite_is_null(make_fit, tmp_path):
    document = saved(make_fit(ofv=float("nan"), minus2ll=float("inf")), tmp_path / "run")
    assert document["ofv"] is None and document["minus2ll"] is None
    assert document["estimates"]["tvKa"]["se"] is None


def test_an_evaluation_has_not_converged_to_anything(tmp_path):
    result = popmix.evaluate(Theophylline, datasets.load("theophylline"), at={"tvCL": 0.05})
    document = saved(result, tmp_path / "run")
    assert document["converged"] is None and document["gradient_norm"] is None
    assert "nothing was estimated" in document["convergence"]["reason"]
    assert "Evaluated: " in str(result) and "converged" not in str(result).lower()
    again = popmix.evaluate(Theophylline, datasets.load("theophylline"), at=read_values(tmp_path / "run" / "fit.json"))
    assert again.ofv == result.ofv and again.parameters["tvCL"] == 0.05


def test_the_model_is_kept_as_its_source(make_fit, tmp_path):
    fit = make_fit()
    run_folder.save(fit, tmp_path / "run")
    assert load(tmp_path / "run" / "model.py") == fit.model


def test_tables_are_csv_with_empty_cells_for_missing_numbers(make_fit, tmp_path):
    run_folder.save(make_fit(), tmp_path / "run")
    rows = list(csv.DictReader((tmp_path / "run" / "predictions.csv").open()))
    assert len(rows) == 132
    assert rows[0]["ID"] == "1" and float(rows[0]["DV"]) == 0.74 and rows[0]["NPDE"] == ""
    assert len(list(csv.DictReader((tmp_path / "run" / "individuals.csv").open()))) == 12


def test_an_earlier_run_is_replaced_only_when_told(make_fit, tmp_path):
    saved(make_fit(), tmp_path / "run")
    with pytest.raises(PopmixError, match="--overwrite"):
        run_folder.save(make_fit(), tmp_path / "run")
    assert saved(make_fit(ofv=1.5), tmp_path / "run", overwrite=True)["ofv"] == 1.5
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_another_kind_is_left_alone(make_fit, tmp_path, overwrite):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    with pytest.raises(PopmixError, match="no run folder of popmix"):
        run_folder.save(make_fit(), tmp_path / "thesis", overwrite=overwrite)
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


def test_a_file_in_the_way_is_refused_and_an_empty_folder_is_used(make_fit, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PopmixError, match="is a file"):
        run_folder.save(make_fit(), tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert saved(make_fit(), tmp_path / "empty")["ofv"] == 116.125


def test_parents_are_made(make_fit, tmp_path):
    assert saved(make_fit(), tmp_path / "a" / "b" / "run")["n_subjects"] == 12


def test_a_disk_that_refuses_is_a_sentence_and_leaves_nothing(make_fit, tmp_path, monkeypatch):
    def full(path: Path, text: str) -> None:
        path.write_text(text[: len(text) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exchange, "_write", full)
    with pytest.raises(PopmixError, match="No space left"):
        run_folder.save(make_fit(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PopmixError, match=r"can't be made in .*file: Not a directory"):
        run_folder.check_folder(tmp_path / "file" / "run")
    if Path("/proc/self").is_dir():  # not even an administrator makes folders there
        with pytest.raises(PopmixError, match="can't be made in /proc"):
            run_folder.check_folder("/proc/run")
    run_folder.check_folder(tmp_path / "a" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_plain_values():
    assert plain({"a": np.float64("nan"), "b": (np.int64(3), np.bool_(True)), "c": np.array([1.0, np.inf])}) == {
        "a": None, "b": [3, True], "c": [1.0, None],
    }  # fmt: skip
    assert to_json({"é": 1}) == '{\n "é": 1\n}\n'
