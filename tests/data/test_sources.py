"""Sources: delimiters, NONMEM's comments, encodings, frames of several libraries, Parquet; no data frame library for a CSV."""

import gzip
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from data_builder import EXPECTED, clean

from popmix.data import check, read
from popmix.errors import DataError, OptionError


def written(tmp_path, content: str | bytes):
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " ", "   "])
def test_delimiters_are_found(delimiter, tmp_path):
    table = read(written(tmp_path, clean().text(delimiter)), expectation=EXPECTED)
    assert table.n_observations == 20 and not table.findings


def test_line_ends_quotes_and_byte_order_marks(tmp_path):
    plain = clean().text()
    quoted = '"' + '"\n"'.join(line.replace(",", '","') for line in plain.strip().split("\n")) + '"\n'
    for content in (plain.replace("\n", "\r\n"), plain.replace("\n", "\r"), "\ufeff" + plain, quoted, plain + "\n\n", plain.rstrip("\n")):
        table = read(written(tmp_path, content), expectation=EXPECTED)
        assert table.n_rows == 24 and table.row.tolist() == list(range(2, 26)) and not table.findings
    assert read(written(tmp_path, plain.encode("utf-16"))).n_rows == 24


def test_comments_and_headers_of_nonmem_files(tmp_path):
    plain = clean().text().split("\n")
    commented = ["# made by hand", plain[0], "#1,0,.,1,100,70,40,1", *plain[1:]]
    table = read(written(tmp_path, "\n".join(commented)), expectation=EXPECTED)
    assert table.n_rows == 24 and table.row[0] == 4
    table = read(written(tmp_path, "\n".join(["#" + plain[0], *plain[1:]])), expectation=EXPECTED)
    assert table.n_rows == 24 and table.row[0] == 2
    output = "TABLE NO.  1\n ID          TIME        DV\n  1.0000E+00  0.0000E+00  1.5000E+00\n  1.0000E+00  1.0000E+00  2.5000E+00\n"
    table = read(written(tmp_path, output))
    assert table.ids == ("1",) and table.dv.tolist() == [1.5, 2.5]


def test_a_comment_column_marks_records_that_are_left_out(tmp_path):
    lines = clean().text().strip().split("\n")
    text = "\n".join(["C," + lines[0], *(("C," if at == 3 else ".,") + line for at, line in enumerate(lines[1:]))])
    table = read(written(tmp_path, text), expectation=EXPECTED)
    assert table.n_rows == 23 and table.excluded == (("marked C in column C", 1),) and table.findings.codes == ("D050",)


def test_empty_lines_of_spreadsheets_are_left_out(tmp_path):
    assert read(written(tmp_path, clean().text() + ",,,,,,,\n,,,,,,,\n"), expectation=EXPECTED).n_rows == 24


def test_superfluous_delimiters_at_the_end_are_cut_off(tmp_path):
    lines = clean().text().strip().split("\n")
    text = "\n".join([lines[0], *(line + ",," for line in lines[1:])])
    assert read(written(tmp_path, text), expectation=EXPECTED).n_rows == 24


def test_quotation_marks_over_lines_are_told(tmp_path):
    text = clean().column("NOTE", "x").put(4, NOTE='"two\nlines"').text()
    findings = check(written(tmp_path, text))
    assert findings.codes == ("D052",) and findings[0].severity == "W" and findings[0].rows == (4,)


def test_absent_files_and_folders_are_told(tmp_path):
    written(tmp_path, clean().text())
    with pytest.raises(DataError, match=r"There is no file .*dat\.csv. Did you mean .*data\.csv"):
        read(tmp_path / "dat.csv")
    with pytest.raises(DataError, match="is a folder"):
        read(str(tmp_path))


def test_broken_parquet_is_told(tmp_path):
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read(path)


def test_gzip_is_read_whatever_its_name(tmp_path):
    plain = read(written(tmp_path, clean().text()))
    for name in ("data.csv.gz", "packed.csv"):
        (tmp_path / name).write_bytes(gzip.compress(clean().text().encode()))
        table = read(tmp_path / name, expectation=EXPECTED)
        assert table.dv.tolist() == pytest.approx(plain.dv.tolist(), nan_ok=True) and table.row.tolist() == plain.row.tolist()
        assert table.source == name and set(table.interpolation.values()) <= {"nocb"} and not table.findings
        assert table.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() != plain.sha256


NOISE = bytes(np.random.default_rng(3).integers(0, 256, 400, dtype=np.uint8))
NO_TEXTS = {
    "text.csv.gz": (clean().text().encode(), "is named .gz but is no gzip file: it holds plain text"),
    "noise.csv.gz": (NOISE, "is named .gz but is no gzip file: it holds no text either"),
    "short.csv.gz": (gzip.compress(clean().text().encode())[:80], "is a damaged gzip file: Compressed file ended"),
    "spoilt.csv.gz": (gzip.compress(clean().text().encode())[:40] + NOISE, "is a damaged gzip file: "),
    "noise.csv": (NOISE, "its first line holds bytes that no text has"),
    "nonul.csv": (NOISE.replace(b"\0", b"x"), "its first line holds bytes that no text has"),
    "twice.csv.gz": (gzip.compress(NOISE), "its first line holds bytes that no text has"),
    "sheet.csv": (b"PK\x03\x04" + NOISE, "a ZIP archive or an Excel workbook"),
    "table.csv": (b"PAR1" + NOISE, "a Parquet file"),
    "data.csv.xz": (b"\xfd7zXZ\0" + NOISE, "compressed by xz"),
}


@pytest.mark.parametrize("name", NO_TEXTS)
@pytest.mark.parametrize("options", [{}, {"columns": {"time": "TAFD"}}, {"exclude": "EVID == 2"}, {"expectation": EXPECTED}], ids="".join)
def test_what_is_no_text_is_one_finding_with_name_and_reason(name, options, tmp_path):
    content, reason = NO_TEXTS[name]
    (tmp_path / name).write_bytes(content)
    findings = check(tmp_path / name, **options)
    assert findings.codes == ("D052",) and name in findings[0].message and reason in findings[0].message and findings[0].fix
    with pytest.raises(DataError, match="can't be used \\(1 error\\)"):
        read(tmp_path / name, **options)


def test_an_empty_gzip_file_is_empty(tmp_path):
    for content in (b"", gzip.compress(b"")):
        (tmp_path / "data.csv.gz").write_bytes(content)
        assert check(tmp_path / "data.csv.gz").codes == ("D004",)


@pytest.mark.parametrize("source", [42, None, b"ID", [1, 2], {"ID": 5}, {"ID": "ab"}])
def test_other_objects_are_refused(source):
    with pytest.raises(OptionError, match=r"EventTable|sequence of values"):
        read(source)


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "/dev/null"])
def test_paths_that_are_no_files(path):
    assert check(path).codes == ("D052",)


def test_frames_with_odd_columns():
    pandas = pytest.importorskip("pandas")
    twice = pandas.DataFrame([[1, 0, 1.0, 2.0]], columns=["ID", "TIME", "DV", "DV"])
    assert check(twice).codes == ("D006",)
    odd = pandas.DataFrame(
        {"ID": [1, "x"], "TIME": pandas.to_timedelta(["0h", "36h"]), "DV": [1, "2.5"], "Z": [[1], {"a": 1}], 3: [None, None]}
    )
    table = read(odd)
    assert table.ids == ("1", "x") and table.dv.tolist() == [1, 2.5] and table.time.tolist() == [0, 36]


def frame_of(library: str, columns: dict):
    module = pytest.importorskip(library)
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_all_libraries(library, tmp_path):
    numbers = {
        "ID": [1.0, 1, 1],
        "TIME": [0, 1, 2],
        "DV": [None, 2.5, 3.5],
        "AMT": [100, None, None],
        "SEX": ["F", "F", None],
        "DONE": [True, False, True],
    }
    table = read(frame_of(library, numbers))
    assert table.ids == ("1",) and table.row.tolist() == [2, 3, 4]
    assert table.evid.tolist() == [1, 0, 0] and np.isnan(table.dv[0])
    assert table.covariates["SEX"].tolist() == ["F", "F", "F"] and table.covariates["DONE"].tolist() == [1, 0, 1]
    assert set(table.interpolation.values()) == {"locf"}


def test_equal_frames_have_equal_sums():
    columns = {"ID": [1, 1], "TIME": [0.0, 1.0], "DV": [1.5, 2.5]}
    sums = {read(frame_of(library, columns)).sha256 for library in ("pandas", "polars", "pyarrow")}
    assert len(sums | {read(columns).sha256}) == 1


def test_parquet(tmp_path):
    frame = frame_of("polars", {"ID": ["a", "a"], "TIME": [0.0, 1.0], "DV": [1.5, 2.5]})
    frame.write_parquet(tmp_path / "data.parquet")
    table = read(tmp_path / "data.parquet")
    assert table.dv.tolist() == [1.5, 2.5] and table.source == "data.parquet"


def test_date_times_of_frames_become_hours():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"ID": [1, 1], "TIME": pandas.to_datetime(["2021-03-01 08:00", "2021-03-02 09:30"]), "DV": [1.0, 2.0]})
    assert read(frame).time.tolist() == [0.0, 25.5]


def test_a_text_file_needs_no_data_frame_library(tmp_path):
    path = written(tmp_path, clean().text())
    heavy = "{'pandas', 'polars', 'pyarrow', 'scipy'}"
    code = f"import sys; from popmix.data import read; read({str(path)!r}); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
