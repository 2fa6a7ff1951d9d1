"""The data card."""

from data_builder import EXPECTED, clean

from popmix.data import card, read


def test_the_card_tells_what_the_data_hold():
    data = clean().column("CENS", 0).put(7, 13, CENS=1).put(*range(10, 14), WT=90).put(15, WT=".")
    text = card(read(data.columns(), expectation=EXPECTED, exclude={"withdrawn": "ID == 4"}))
    for line in (
        "3 subjects, 15 observations, 3 dose records; 24 rows read",
        "excluded: withdrawn (6)",
        "DV: 15 in 3 subjects; 1.7 to 5.2, median 3.1; BLQ 13.3 %",
        "first compartment: 3 in 3 subjects; amount 100",
        "WT: 64 (1), 70 (1), 82.5 (1); varies in time, locf; 1 cell missing",
        "SEX: 0 (1), 1 (2); constant in every subject; 0 cells missing",
        "time 0 to 12",
        "Findings: 1 warning, 1 note",
    ):
        assert line in text
