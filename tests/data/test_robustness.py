"""Broken data: always findings or a table, never another exception, a hang, or a zero where nothing was written."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from data_builder import EXPECTED, clean
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from popmix.data import EventTable, check, read
from popmix.data.cells import MISSING
from popmix.data.expectation import Occasions
from popmix.data.findings import Findings
from popmix.errors import DataError

pytestmark = pytest.mark.filterwarnings("error")
SETTINGS = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = [
    "",
    ".",
    "NA",
    "BLQ",
    "<0.5",
    "1e9",
    "-1",
    "1e400",
    "inf",
    "nan",
    "0",
    "1.0D+01",
    "12:30",
    "2021-03-01",
    "é",
    '"',
    "1,2",
    "\x00",
    " ",
    "#",
    "5",
    "1e-320",
]
EVENTS = replace(EXPECTED, covariates={"WT": None, "SEX": ("0", "1")}, occasion=Occasions("OCC"), endpoints={"DV": None, "PD": 2})


def full() -> "object":
    data = clean()
    defaults = {
        "MDV": 0,
        "RATE": 0,
        "DUR": ".",
        "ADDL": 0,
        "II": 0,
        "SS": 0,
        "CMT": 1,
        "DVID": "DV",
        "OCC": 1,
        "CENS": 0,
        "LIMIT": ".",
        "LLOQ": 0.1,
    }
    for name, default in defaults.items():
        data.column(name, default)
    return data.put(2, 8, 14, 20, MDV=1, ADDL=2, II=12)


NAMES = list(full().records[0])
CELL = st.tuples(st.integers(0, 23), st.sampled_from(NAMES), st.sampled_from(TEXTS) | st.text(max_size=6) | st.floats().map(str))


def outcome(path, **options) -> EventTable | Findings:
    """Read the file; `check` must agree with `read`, and nothing but DataError may come out."""
    started = time.perf_counter()
    findings = check(path, **options)
    try:
        table = read(path, **options)
    except DataError as error:
        assert error.findings.errors and error.findings == findings
        assert all(item.message and item.fix is not None and str(item) for item in findings)
        findings.to_table().to_csv()
        return findings
    assert not findings.errors and table.findings == findings
    assert time.perf_counter() - started < 10.0  # seconds: no hang
    sound(table)
    return table


def sound(table: EventTable) -> None:
    """What every event table promises, whatever it came from."""
    assert (np.diff(table.subject) >= 0).all() and table.n_subjects == len(set(table.subject.tolist()))
    assert np.isfinite(table.time).all()
    assert not np.isnan(table.dv[table.scored]).any() and not np.isinf(table.dv).any()
    doses = table.dosing
    assert (np.nan_to_num(table.amt[doses]) >= 0).all()
    assert ((table.amt[doses] > 0) | ((table.ss[doses] > 0) & (table.rate[doses] > 0))).all()
    assert ((table.ii[doses] > 0) | (table.addl[doses] == 0)).all()
    assert (table.addl >= 0)[doses].all() and (table.addl[doses] <= 10_000).all()
    assert set(np.unique(table.evid)) <= {0, 1, 2, 3, 4} and set(np.unique(table.mdv)) <= {0, 1}


def value(cell: str) -> float:
    """Read a cell independently of the package."""
    cell = cell.strip()
    return math.nan if cell in MISSING else float(cell.lower().replace("d", "e"))


@SETTINGS
@given(st.lists(CELL, min_size=1, max_size=6), st.sampled_from([None, EXPECTED, EVENTS]))
def test_cells_replaced(tmp_path, changes, expectation):
    data = full()
    for at, name, cell in changes:
        data.records[at][name] = cell
    columns = data.columns()
    try:
        table = read(columns, expectation=expectation)
    except DataError as error:
        assert error.findings.errors
    else:
        sound(table)
        for position, number in enumerate(table.row.tolist()):
            assert np.array_equal(table.dv[position], value(columns["DV"][number - 2]), equal_nan=True)
            assert np.array_equal(table.amt[position], value(columns["AMT"][number - 2]), equal_nan=True)
    path = tmp_path / "data.csv"
    path.write_text(data.text(), encoding="utf-8", errors="surrogatepass", newline="")
    outcome(path, expectation=expectation)


@SETTINGS
@given(
    st.permutations(range(24)),
    st.sets(st.integers(0, 23)),
    st.sets(st.sampled_from(NAMES), max_size=4),
    st.sampled_from([None, EXPECTED, EVENTS]),
)
def test_rows_shuffled_and_columns_dropped(tmp_path, order, gone, dropped, expectation):
    data = full()
    data.records = [data.records[at] for at in order if at not in gone or at == order[0]]
    data.drop(*dropped)
    path = tmp_path / "data.csv"
    path.write_text(data.text())
    outcome(path, expectation=expectation)


@SETTINGS
@given(st.data(), st.sampled_from([",", ";", "\t", " "]))
def test_bytes_mangled(tmp_path, data, delimiter):
    content = bytearray(clean().text(delimiter).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "data.csv"
    path.write_bytes(bytes(content))
    outcome(path, expectation=data.draw(st.sampled_from([None, EXPECTED])))


@SETTINGS
@given(st.binary(max_size=200) | st.text(alphabet='ID,TMEV.\n"1230# \t;', max_size=200).map(str.encode))
def test_anything_at_all(tmp_path, content):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    outcome(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00" * 100, b",,,,\n,,,,\n", b"ID\n1\n", b'"', b"#\n#\n", b"@", b"TABLE NO. 1\n"],
)
def test_files_of_nothing(content, tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert isinstance(outcome(path), Findings)


@pytest.mark.parametrize(
    "columns", [{}, {"ID": []}, {"ID": [1], "TIME": [], "DV": [2.0]}, {"ID": [None], "TIME": [0], "DV": [1.0]}, {1: [2], None: [3]}]
)
def test_dictionaries_of_nothing(columns):
    with pytest.raises(DataError):
        read(columns)


def test_one_record_is_enough():
    assert read({"ID": [1], "TIME": [0], "DV": [1.0]}).n_observations == 1
