"""A model and data looked at before anything is fitted."""

import pytest

from popmix.app.checking import check
from popmix.app.theophylline import Theophylline
from popmix.data import datasets
from popmix.errors import ModelError
from popmix.model import Bernoulli, Model, Observation, StudentT, T, Theta, exp, expit


class Guessed(Model):
    """Degrees of freedom that are estimated, which can't be honoured yet."""

    a = Theta(0.1)
    df = Theta(4.0, lower=2)
    b = StudentT(exp(a), df=df, iiv=0.3)
    DV = Observation(Bernoulli(expit(b * T)))


def test_a_good_model_and_good_data():
    result = check(Theophylline, datasets.path("theophylline"))
    assert result.ok and result.verdict == "Theophylline can be fitted."
    assert "Data card of theophylline.csv" in str(result) and "tvKa" in str(result)
    assert result.document()["data"] == {"n_subjects": 12, "n_observations": 132, "n_doses": 12}


def test_a_model_alone():
    result = check(Theophylline)
    assert result.ok and result.table is None and result.document()["data"] is None


def test_what_can_not_be_fitted_is_a_refusal():
    result = check(Guessed)
    assert not result.ok and "df=" in result.refusals[0]
    assert result.refusals[0] in str(result)


def test_faults_of_the_data_are_findings():
    frame = {"ID": [1, 1], "TIME": [0.0, 1.0], "AMT": [100, "."], "DV": [".", "high"]}
    result = check(Theophylline, frame)
    assert not result.ok and "D001" in result.findings.codes
    document = result.document()
    assert document["findings"][0]["severity"] == "E" and document["ok"] is False
    assert "D001" in str(result) and "tvKa" not in str(result)


def test_a_missing_file_is_a_finding():
    assert "D052" in check(Theophylline, "nowhere.csv").findings.codes


def test_mistakes_of_a_model_file_are_raised(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("from popmix import *\nclass M(Model):\n    a = Theta(1.0)\n    DV = Observation(b * T, additive=1.0)\n")
    with pytest.raises(ModelError, match="line 4"):
        check(path)
