"""Rules that leave records out."""

import pytest
from data_builder import clean

from popmix.data import check, read
from popmix.errors import OptionError


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("ID == 1", 18),
        ("ID=1", 18),
        ("ID.EQ.1", 18),
        ("EVID == 0 & TIME > 4", 16),
        ("EVID==0 and TIME.GT.4", 16),
        ("ID in (1, 2) | WT > 90", 6),
        ("!(SEX == 1)", 12),
        ("SEX != 1", 12),
        ("DV < 2", 20),
        ("AMT == 0", 24),
        ("dv >= 5", 20),
    ],
)
def test_rules(rule, left):
    assert read(clean().columns(), exclude=rule).n_rows == left


def test_bare_words_are_text():
    columns = clean().columns() | {"ARM": ["placebo"] * 6 + ["active"] * 18}
    assert read(columns, exclude="ARM == placebo").n_rows == read(columns, exclude="ARM == 'placebo'").n_rows == 18


def test_a_record_counts_for_the_first_rule_that_fits():
    table = read(clean().columns(), exclude={"one": "ID == 1", "early": "TIME < 2 & EVID == 0"})
    assert table.excluded == (("one", 6), ("early", 3)) and table.n_read == 24


def test_faults_in_excluded_rows_do_not_matter():
    data = clean().put(4, DV="BLQ")
    assert check(data.columns()).codes == ("D001",)
    assert check(data.columns(), exclude="DV == BLQ").codes == ("D050",)


def test_a_rule_about_an_absent_column_is_a_finding():
    assert check(clean().columns(), exclude="FLAG == 1").codes == ("D005",)


@pytest.mark.parametrize(
    "rule", ["", "WT", "WT >", "1 == 1", "WT > 'a'", "__import__('os')", "WT.upper() == 1", "WT > 1 > 2", "(" * 500, "WT == [x for x in y]"]
)
def test_rules_that_cannot_be_read(rule):
    with pytest.raises(OptionError, match="exclude="):
        read(clean().columns(), exclude=rule)
