"""Dates and clock times."""

import pytest

from popmix.data import check, read
from popmix.data.clock import hours_of_dates, hours_of_times, other_order


def times(**columns):
    n = len(next(iter(columns.values())))
    return read({"ID": [1] * n, "DV": [1.0] * n, **columns}).time.tolist()


def test_clock_times_are_hours_since_the_first_record():
    assert times(TIME=["08:30", "09:00", "10:45:30"]) == pytest.approx([0, 0.5, 2.258333333])


def test_every_subject_has_its_own_first_record():
    table = read({"ID": [1, 1, 2, 2], "TIME": ["08:00", "09:00", "10:00", "12:00"], "DV": [1.0, 2.0, 3.0, 4.0]})
    assert table.time.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("DATE", "2/28/2020", "3/1/2020"),
        ("DATE", "2-28-20", "3-1-20"),
        ("DAT1", "28/2/2020", "1/3/2020"),
        ("DAT2", "2020/2/28", "2020/3/1"),
        ("DAT3", "2020/28/2", "2020/1/3"),
        ("DATE", "2020-02-28", "2020-03-01"),
        ("DATE", "2/28", "3/1"),
        ("DATE", "58", "60"),
    ],
)
def test_dates_with_clock_times(name, first, second):
    assert times(TIME=["23:00", "01:00"], **{name: [first, second]}) == [0, 26]


def test_dates_alone_count_days():
    assert times(DAT2=["2021-03-01", "2021-03-03"]) == [0, 48]


def test_two_digit_years_follow_last20():
    assert hours_of_dates(["12/31/99", "1/1/00"], "mdy")[0].tolist() == pytest.approx([24 * 730119, 24 * 730120])


def test_iso_date_times_with_zones():
    assert times(TIME=["2021-03-28T00:00+01:00", "2021-03-28T03:00+02:00"]) == [0, 2]


def test_midnight_between_clock_times_asks_for_dates():
    findings = check({"ID": [1, 1], "TIME": ["23:00", "01:00"], "DV": [1.0, 2.0]})
    assert findings.codes == ("D012",) and "DATE" in findings[0].fix


def test_unreadable_cells_are_marked_and_the_fitting_order_found():
    assert hours_of_times(["24:00", "24:01", "7:60", "12:5", "x", ".", "7.5"])[1].tolist() == [False, True, True, True, True, False, False]
    assert hours_of_dates(["1/2/2021", "2/30/2021", "20210301", "1/2/3/4", "99999"], "mdy")[1].tolist() == [False, True, True, True, False]
    assert other_order(["31/12/2020", "1/2/2020"], "mdy") == "DAT1"
