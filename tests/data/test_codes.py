"""Every code: a planted fault gives exactly that finding, at the right place, and the clean data set does not."""

from pathlib import Path

import pytest
from data_builder import EXPECTED, Data, clean
from data_faults import FAULTS, Fault

from popmix.data import check, read
from popmix.data.catalogue import CODES
from popmix.errors import DataError


def written(made: Data | str | bytes, folder: Path) -> Path:
    path = folder / "data.csv"
    content = made.text() if isinstance(made, Data) else made
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def options_of(fault: Fault) -> dict:
    return {"expectation": EXPECTED, **fault.options}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code}-{fault.name}")
def test_fault_is_found_where_it_is(fault, tmp_path):
    findings = check(written(fault.data(), tmp_path), **options_of(fault))
    assert findings.codes == (fault.code,), str(findings)
    found = findings[0]
    assert found.severity == fault.severity
    assert (found.rows, found.ids) == (fault.rows, fault.ids)
    assert fault.says in found.message
    assert found.fix or found.severity == "I"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code}-{fault.name}")
def test_errors_stop_the_reading_and_warnings_do_not(fault, tmp_path):
    path = written(fault.data(), tmp_path)
    if fault.severity != "E":
        assert read(path, **options_of(fault)).findings.codes == (fault.code,)
        return
    with pytest.raises(DataError) as caught:
        read(path, **options_of(fault))
    assert fault.says in str(caught.value)
    assert caught.value.findings.codes == (fault.code,)


def test_clean_data_have_no_findings(tmp_path):
    path = written(clean(), tmp_path)
    assert not check(path)
    assert not check(path, expectation=EXPECTED)
    assert not check(clean().columns(), expectation=EXPECTED)


def test_every_code_has_a_fault_and_its_usual_severity():
    assert {fault.code for fault in FAULTS} == set(CODES)
    for code, (severity, _) in CODES.items():
        assert severity in {fault.severity for fault in FAULTS if fault.code == code}


def test_all_faults_are_found_in_one_pass(tmp_path):
    data = clean().column("ADDL", 0).column("II", 0)
    data.put(4, DV="BLQ").put(8, ADDL=6).put(11, DV=".").put(17, TIME="0.5").put(20, AMT=0).put(*range(14, 20), WT=".")
    findings = check(written(data, tmp_path), expectation=EXPECTED)
    assert findings.codes == ("D001", "D002", "D012", "D019", "D031", "D042")


def test_frames_count_rows_as_files_do(tmp_path):
    data = clean().put(4, DV="BLQ").put(11, DV=".")
    from_file = check(written(data, tmp_path), expectation=EXPECTED)
    from_columns = check(data.columns(), expectation=EXPECTED)
    assert [item.rows for item in from_file] == [item.rows for item in from_columns] == [(4,), (11,)]
