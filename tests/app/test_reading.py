"""`popmix.read`: models and data by one name."""

import pytest

import popmix
from popmix.app.theophylline import Theophylline
from popmix.data import EventTable, datasets
from popmix.errors import OptionError


def test_models_and_data_are_told_apart(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(Theophylline.source())
    for source in (path, str(path), f"{path}:Theophylline", Theophylline.source()):
        assert popmix.read(source) == Theophylline
    assert isinstance(popmix.read(datasets.path("theophylline")), EventTable)


@pytest.mark.parametrize("source", ["x.py", "x.py:Name", "from popmix import *\nclass A(Model): ..."])
def test_options_of_data_are_refused_for_a_model(source):
    with pytest.raises(OptionError, match=r"columns, exclude: options of data, but '.*' is a model"):
        popmix.read(source, columns={"time": "TAFD"}, exclude="EVID == 2")
