"""A report of the theophylline example, made once."""

from pathlib import Path

import pytest

import popmix
from popmix.model import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "theophylline.py"


@pytest.fixture(scope="session")
def theophylline():
    return popmix.fit(load(EXAMPLE), popmix.datasets.path("theophylline"))


@pytest.fixture(scope="session")
def written(theophylline, tmp_path_factory):
    target = tmp_path_factory.mktemp("report") / "theophylline.html"
    given = {"covariance": popmix.covariance(theophylline, "r"), "certificate": theophylline.certificate()}
    command = ("popmix", "fit", "theophylline.py", "theophylline.csv", "--out", "run 1")
    return popmix.report(theophylline, target, gallery=popmix.gallery(theophylline, 200), command=command, **given)
