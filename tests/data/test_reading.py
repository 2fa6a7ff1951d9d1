"""`read`: numbers, labels, the derivation of events, order, and the event table's contract."""

import numpy as np
import pytest
from data_builder import EXPECTED, clean

from popmix.data import EventTable, Expectation, check, read
from popmix.errors import DataError, OptionError


def table_of(text: str, tmp_path, **options) -> EventTable:
    path = tmp_path / "data.csv"
    path.write_text(text)
    return read(path, **options)


def test_the_contract_of_the_event_table(tmp_path):
    table = table_of(clean().text(), tmp_path, expectation=EXPECTED)
    assert table.ids == ("1", "2", "3", "4")
    assert (table.n_subjects, table.n_observations, table.n_doses, table.n_rows) == (4, 20, 4, 24)
    assert table.subject.dtype == table.row.dtype == table.evid.dtype == table.mdv.dtype == np.int64
    assert table.addl.dtype == table.ss.dtype == table.cens.dtype == np.int64
    for name in ("time", "dv", "amt", "rate", "duration", "ii", "limit"):
        assert getattr(table, name).dtype == np.float64
    assert table.row.tolist() == list(range(2, 26))
    assert np.isnan(table.dv[0]) and np.isnan(table.rate).all() and (table.ii == 0).all()
    assert table.compartment.tolist() == [""] * 24 and table.occasion is None
    assert list(table.covariates) == ["WT", "SEX"] and table.interpolation == {"WT": "nocb", "SEX": "nocb"}
    assert table.starts.tolist() == [0, 6, 12, 18, 24]
    assert table.source == "data.csv" and len(table.sha256) == 64 and table.n_read == 24
    with pytest.raises(ValueError):
        table.dv[0] = 1.0


@pytest.mark.parametrize("missing", [".", "", "NA", "NaN", " . "])
def test_missing_is_never_zero(missing, tmp_path):
    table = table_of(clean().column("X", 1).put(2, DV=missing).put(3, AMT=missing).put(4, X=missing).text(), tmp_path)
    assert np.isnan(table.dv[0]) and np.isnan(table.amt[1])
    assert table.covariates["X"][2] == 1 and table.missing["X"] == 1


def test_numbers_in_every_notation(tmp_path):
    text = "ID,TIME,DV\n1.1000E+02,0.0000E+00,1.0000E+00\n110.0,1.0D+00,+2.5\n110,2,.5\n007,0,1\nA-1,0,1\n"
    table = table_of(text, tmp_path)
    assert table.ids == ("110", "007", "A-1")
    assert table.time.tolist() == [0, 1, 2, 0, 0] and table.dv.tolist() == [1, 2.5, 0.5, 1, 1]


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1,5", "--1", "1e", "١٢x"])
def test_what_python_or_nobody_takes_for_a_number_is_text(cell):
    columns = {"ID": ["1"], "TIME": ["0"], "DV": [cell]}
    assert check(columns).codes == ("D001",)


def test_without_evid_and_mdv_an_amount_makes_a_dose(tmp_path):
    table = table_of("ID,TIME,AMT,DV\n1,0,100,0\n1,1,0,5\n1,2,.,4\n", tmp_path)
    assert table.evid.tolist() == [1, 0, 0] and table.mdv.tolist() == [1, 0, 0]


def test_with_mdv_alone_other_rows_are_not_scored(tmp_path):
    table = table_of("ID,TIME,AMT,DV,MDV\n1,0,100,0,1\n1,1,0,5,0\n1,2,0,.,1\n", tmp_path)
    assert table.evid.tolist() == [1, 0, 2] and table.mdv.tolist() == [1, 0, 1]


def test_a_constant_infusion_to_steady_state_is_a_dose_without_amount(tmp_path):
    for header, evid in (("", ""), (",EVID", ",1")):
        end = ",0" if evid else ""
        table = table_of(f"ID,TIME,AMT,RATE,SS,DV{header}\n1,0,0,10,1,.{evid}\n1,1,0,0,0,5{end}\n", tmp_path)
        assert table.evid.tolist() == [1, 0]


def test_other_events_need_no_dv_and_mdv_sets_values_aside(tmp_path):
    table = table_of("ID,TIME,DV,EVID,MDV\n1,0,.,2,1\n1,1,3,0,1\n1,2,4,0,0\n", tmp_path)
    assert table.scored.tolist() == [False, False, True]
    assert table.findings.codes == ("D023",)


def test_time_may_restart_at_a_reset(tmp_path):
    for code in (3, 4):
        amount = 100 if code == 4 else "."
        text = f"ID,TIME,AMT,DV,EVID\n1,0,100,.,1\n1,5,.,3,0\n1,0,{amount},.,{code}\n1,2,.,4,0\n"
        assert table_of(text, tmp_path).time.tolist() == [0, 5, 0, 2]


def test_subjects_come_in_order_of_appearance_and_keep_the_order_of_their_records(tmp_path):
    table = table_of("ID,TIME,DV\nB,0,1\nA,0,2\nB,1,3\nB,1,4\nA,2,5\n", tmp_path)
    assert table.ids == ("B", "A")
    assert table.subject.tolist() == [0, 0, 0, 1, 1]
    assert table.row.tolist() == [2, 4, 5, 3, 6] and table.dv.tolist() == [1, 3, 4, 2, 5]
    assert "D009" in table.findings.codes


def test_split_subject_whose_time_runs_back_is_an_error(tmp_path):
    findings = check({"ID": [1, 1, 2, 1], "TIME": [0, 5, 0, 1], "DV": [1.0, 2, 3, 4]})
    assert findings.codes == ("D012", "D009")
    assert findings[0].rows == (5,)


def test_compartments_and_endpoints_are_labels(tmp_path):
    text = "ID,TIME,AMT,DV,CMT,DVID\n1,0,9,.,1.0000E+00,.\n1,1,.,3,central,cp\n1,2,.,3,0,2.0\n1,3,.,3,2,\n"
    table = table_of(text, tmp_path)
    assert table.compartment.tolist() == ["1", "central", "", "2"]
    assert table.endpoint.tolist() == ["", "cp", "2", ""]


def test_data_without_time_keep_their_order():
    expectation = Expectation(covariates={"DOSE": None}, endpoints={"DV": None}, has_dosing=False, time_needed=False)
    table = read({"ID": [1, 1], "DOSE": [0, 10], "DV": [1.0, 2.0]}, expectation=expectation)
    assert table.time.tolist() == [0, 0] and table.covariates["DOSE"].tolist() == [0, 10]


def test_a_model_without_time_does_not_care_what_time_holds():
    expectation = Expectation(endpoints={"DV": None}, has_dosing=False, time_needed=False)
    table = read({"ID": [1, 1, 1], "TIME": ["week 2", "", "week 1"], "DV": [1.0, 2.0, 3.0]}, expectation=expectation)
    assert table.time.tolist() == [0, 0, 0]


def test_an_algebraic_model_takes_records_in_any_order():
    expectation = Expectation(endpoints={"DV": None}, has_dosing=False, ordered=False)
    table = read({"ID": [1, 1], "TIME": [5, 2], "DV": [1.0, 2.0]}, expectation=expectation)
    assert table.time.tolist() == [5, 2] and table.findings.warnings[0].code == "D012"


def test_a_dose_column_may_be_a_covariate_of_a_model_without_doses():
    expectation = Expectation(covariates={"AMT": None, "RATE": None}, endpoints={"DV": None}, has_dosing=False, time_needed=False)
    table = read({"ID": [1, 1], "AMT": [10, 20], "RATE": [-7, 3], "DV": [1.0, 2.0]}, expectation=expectation)
    assert table.n_observations == 2 and table.covariates["RATE"].tolist() == [-7, 3]


def test_columns_by_mapping_and_ignoring_case():
    columns = {"Subject": [1, 1], "hours": [0, 1], "conc": [1.0, 2.0], "weight": [70, 70]}
    mapping = {"id": "Subject", "TIME": "hours", "dv": "CONC", "WT": "weight"}
    table = read(columns, columns=mapping, expectation=Expectation(covariates={"WT": None}, has_dosing=False))
    assert table.dv.tolist() == [1, 2] and table.covariates["WT"].tolist() == [70, 70]


def test_a_mapped_name_that_is_nearly_a_role_is_refused():
    data = clean().rename(TIME="TAFD").columns()
    findings = check(data, columns={"tiem": "TAFD"}, expectation=EXPECTED)
    told = [finding for finding in findings if finding.message.startswith("columns maps tiem, ")]
    assert [(finding.code, finding.severity) for finding in told] == [("D005", "E")]
    assert "neither a role nor a covariate of the model. Did you mean time?" in told[0].message


def test_a_mapping_may_hold_covariates_of_another_model_whose_columns_are_there():
    assert not check(clean().columns(), columns={"creatinine": "AGE"}, expectation=EXPECTED)
    assert check(clean().columns(), columns={"creatinine": "SCR"}, expectation=EXPECTED).codes == ("D005",)


def test_cmt_on_observations_of_a_single_endpoint_is_harmless(tmp_path):
    data = clean().column("CMT", 7, dose=1)
    assert not check(data.columns(), expectation=EXPECTED)


def test_endpoints_and_compartments_resolve_by_label_and_name():
    two = Expectation(endpoints={"cp": None, "effect": 2}, compartments=("depot", "central"))
    assert [two.endpoint_of(text) for text in ("cp", "2", "effect", "3", "")] == ["cp", "effect", "effect", None, None]
    assert [two.compartment_of(text) for text in ("", "1", "2", "central", "3", "-1")] == [
        "depot",
        "depot",
        "central",
        "central",
        None,
        None,
    ]
    one = Expectation(endpoints={"DV": None})
    assert one.endpoint_of("anything") == "DV"


def test_an_event_table_can_be_read_again_with_an_expectation(tmp_path):
    first = table_of(clean().put(10, WT=".").column("CENS", 0).column("LIMIT", ".").put(4, CENS=1, LIMIT=1).text(), tmp_path)
    again = read(first, expectation=EXPECTED)
    for name in ("row", "time", "evid", "mdv", "addl", "ss", "cens", "subject"):
        assert np.array_equal(getattr(again, name), getattr(first, name)), name
    for name in ("dv", "amt", "rate", "duration", "ii", "limit"):
        assert np.array_equal(getattr(again, name), getattr(first, name), equal_nan=True), name
    assert again.sha256 == first.sha256 and again.interpolation["WT"] == "nocb" and again.missing["WT"] == 1
    with pytest.raises(DataError, match="No column for covariate HT"):
        read(first, expectation=Expectation(covariates={"HT": None}))


def test_limits_of_quantification_in_a_column_are_kept():
    expectation = Expectation(endpoints={"DV": None}, has_dosing=False, lloq={"DV": "LLOQ"})
    table = read({"ID": [1, 1], "TIME": [0, 1], "DV": [1.0, 0.1], "LLOQ": [0.5, 0.5]}, expectation=expectation)
    assert table.covariates["LLOQ"].tolist() == [0.5, 0.5] and not table.findings


BAD_INTERPOLATIONS = [{"interpolation": rule} for rule in ("spline", {"WT": "spline"}, {"WTT": "locf"}, 3)]


@pytest.mark.parametrize("arguments", [{"columns": "TIME"}, {"exclude": 7}, {"exclude": "WT >"}, *BAD_INTERPOLATIONS])
def test_arguments_that_cannot_be_understood(arguments):
    with pytest.raises(OptionError):
        read(clean().columns(), **arguments)


def test_an_unknown_rule_is_refused_without_covariates_too():
    with pytest.raises(OptionError, match="spline"):
        read({"ID": [1], "TIME": [0], "DV": [1.0]}, interpolation="spline")


def test_a_column_of_another_part_is_not_suggested():
    with pytest.raises(DataError, match=r"No column for id\. Found: TIME, DV, AMT, EVID\.\n"):
        read({"TIME": [0], "DV": [1.0], "AMT": [0], "EVID": [0]})


def test_a_table_without_columns_is_refused_with_a_reason():
    with pytest.raises(DataError, match="D004  dictionary holds no columns"):
        read({})


def test_findings_print_and_tabulate():
    findings = check(clean().put(4, DV="BLQ").put(2, TIME="-1").columns(), expectation=EXPECTED)
    text = str(findings)
    assert text.startswith("dictionary: 1 error, 1 warning\nE D001  DV: 1 cell is text ('BLQ'), at row 4.")
    assert findings.to_table()["ROWS"].tolist() == ["4", "2"]
    assert [item.code for item in findings.errors] == ["D001"] and [item.code for item in findings.warnings] == ["D013"]
