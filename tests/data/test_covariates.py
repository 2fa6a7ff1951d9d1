"""Covariates: text and numbers, and what fills empty cells."""

import numpy as np
import pytest
from data_builder import clean

from popmix.data import Expectation, read
from popmix.errors import DataError


def read_weights(cells, rule=None, expectation=None, time=None):
    n = len(cells)
    columns = {"ID": [1] * n, "TIME": time or list(range(n)), "DV": [1.0] * n, "WT": cells}
    return read(columns, interpolation=rule, expectation=expectation)


@pytest.mark.parametrize(
    ("rule", "filled"),
    [
        ("locf", [10, 10, 10, 10, 40, 40]),
        ("nocb", [10, 10, 40, 40, 40, 40]),
        ("linear", [10, 10, 20, 30, 40, 40]),
    ],
)
def test_empty_cells_follow_the_rule(rule, filled):
    table = read_weights(["", 10, "", "", 40, ""], rule)
    assert table.covariates["WT"].tolist() == filled
    assert table.interpolation == {"WT": rule} and table.missing == {"WT": 4}


def test_linear_between_equal_times_keeps_the_last():
    assert read_weights([10, "", 40], "linear", time=[1, 1, 1]).covariates["WT"].tolist() == [10, 10, 40]


def test_which_rule_wins(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(clean().text())
    stated = Expectation(covariates={"WT": None, "AGE": None}, interpolation={"WT": "linear"})
    assert read(path).interpolation["WT"] == "nocb"
    assert read(clean().columns()).interpolation["WT"] == "locf"
    assert read(path, interpolation="locf").interpolation["WT"] == "locf"
    assert read(path, interpolation={"AGE": "locf"}, expectation=stated).interpolation == {"WT": "linear", "AGE": "locf"}


def test_an_unknown_category_of_texts_is_an_error_that_names_it():
    columns = {"ID": [1, 1, 2], "TIME": [0, 1, 0], "DV": [1.0, 2.0, 3.0], "SEX": ["F", "F", "X"]}
    with pytest.raises(DataError, match=r"D045  SEX has value X \(ID 2\) not in \{F, M\}"):
        read(columns, expectation=Expectation(covariates={"SEX": ("F", "M")}, has_dosing=False))


def test_a_mapped_covariate_has_the_name_it_is_mapped_to():
    columns = {"ID": [1, 2], "TIME": [0, 0], "DV": [1.0, 2.0], "BW": [70, 80], "AGE": [30, 40]}
    table = read(columns, columns={"WT": "BW"})
    assert {name: values.tolist() for name, values in table.covariates.items()} == {"WT": [70, 80], "AGE": [30, 40]}
    assert read(table, expectation=Expectation(covariates={"WT": None})).covariates["WT"].tolist() == [70, 80]
    with pytest.raises(DataError, match="There is no column BWT"):
        read(columns, columns={"WT": "BWT"})


@pytest.mark.parametrize("expectation", [None, Expectation(covariates={"WT": None})], ids=["no model", "a model"])
def test_a_mapping_wins_over_a_column_of_that_name(expectation):
    columns = {"ID": [1, 1], "TIME": [0, 1], "DV": [1.0, 2.0], "WT": [70, 70], "BW": [80, 81]}
    for given in (columns, dict(reversed(columns.items()))):
        table = read(given, columns={"WT": "BW"}, expectation=expectation)
        assert {name: values.tolist() for name, values in table.covariates.items()} == {"WT": [80, 81]}


def test_text_categories_stay_text():
    expectation = Expectation(covariates={"SEX": ("F", "M"), "ARM": ("1", "2")}, has_dosing=False)
    table = read({"ID": [1, 2], "TIME": [0, 0], "DV": [1.0, 2.0], "SEX": ["F", "M"], "ARM": [1.0, 2.0]}, expectation=expectation)
    assert table.covariates["SEX"].tolist() == ["F", "M"] and table.covariates["ARM"].tolist() == ["1", "2"]
    assert not table.findings


def test_numbers_as_categories_are_numbers():
    expectation = Expectation(covariates={"SEX": (0, 1)}, has_dosing=False)
    table = read({"ID": [1, 2], "TIME": [0, 0], "DV": [1.0, 2.0], "SEX": ["0.0", "1.0000E+00"]}, expectation=expectation)
    assert table.covariates["SEX"].dtype == np.float64 and not table.findings


def test_a_missing_covariate_on_the_dose_row_is_carried(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(clean().put(2, 8, WT=".").text())
    table = read(path, expectation=Expectation(covariates={"WT": None}))
    assert table.covariates["WT"][[0, 6]].tolist() == [70, 82.5] and table.findings.codes == ("D059",)


def test_a_subject_without_any_value_is_an_error_only_where_it_is_needed():
    columns = clean().put(*range(8, 14), WT=".").columns()
    assert np.isnan(read(columns).covariates["WT"][6])
    with pytest.raises(DataError, match="WT is empty in all rows of ID 2"):
        read(columns, expectation=Expectation(covariates={"WT": None}))
