"""Planted faults: for every code a clean data set with one mistake, and where it must be found."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from data_builder import EXPECTED, Data, clean, row

from popmix.data.expectation import FEATURES, Kind, Occasions, Outcome


@dataclass(frozen=True)
class Fault:
    """One planted fault: the data, the arguments of `check`, and the finding it must lead to."""

    code: str
    severity: str
    rows: tuple[int, ...]
    ids: tuple[str, ...]
    data: Callable[[], Data | str | bytes]
    says: str
    options: dict[str, Any] = field(default_factory=dict)
    name: str = ""


FAULTS: list[Fault] = []


def planted(code: str, severity: str, rows: tuple[int, ...], ids: tuple[str, ...], says: str, **options: Any) -> Callable:
    """Register a function that makes the data."""

    def register(make: Callable[[], Data | str | bytes]) -> Callable:
        FAULTS.append(Fault(code, severity, rows, ids, make, says, options, make.__name__))
        return make

    return register


def expecting(**changes: Any) -> Any:
    """Return the expectation of the tests with other fields."""
    return replace(EXPECTED, **changes)


@planted("D001", "E", (4, 5), ("1",), "DV: 2 cells are text ('BLQ', '<0.5')")
def text_in_dv():
    return clean().put(4, DV="BLQ").put(5, DV="<0.5")


@planted("D001", "E", (8, 9, 10, 11, 12, 13), ("2",), "WT: 6 cells are text ('heavy')")
def text_in_covariate():
    return clean().put(*range(8, 14), WT="heavy")


@planted("D002", "E", (4, 11), ("1", "2"), "2 observation rows are empty")
def empty_dv():
    return clean().put(4, 11, DV=".")


@planted("D003", "E", (6,), ("1",), "TIME: row 6 is infinite")
def infinite_time():
    return clean().put(6, TIME="inf")


@planted("D003", "E", (6, 7), ("1",), "TIME: rows 6, 7 are empty")
def empty_time():
    return clean().put(6, 7, TIME=".")


@planted("D004", "E", (), (), "All 24 rows were removed", exclude="WT > 0")
def all_excluded():
    return clean()


@planted("D004", "E", (), (), "empty")
def empty_file():
    return ""


@planted("D004", "E", (), (), "no records")
def header_only():
    return "ID,TIME,DV,EVID,AMT,WT,AGE,SEX\n"


@planted("D005", "E", (), (), "Did you mean columns={'time': 'TAFD'}")
def no_time():
    return clean().rename(TIME="TAFD")


@planted("D005", "E", (), (), "There is no column CONCENTRATION (given for dv)", columns={"dv": "CONCENTRATION"})
def mapped_to_nothing():
    return clean()


@planted("D005", "E", (), (), "Did you mean WTKG?")
def no_covariate():
    return clean().rename(WT="WTKG")


@planted("D005", "E", (1,), (), "The first line holds numbers")
def no_header():
    return "1,0,.,1,100\n1,1,2.5,0,.\n"


@planted("D006", "E", (), (), "Column AGE appears twice (positions 7, 9)")
def duplicate_name():
    return clean().column("AGE ", 1).text().replace("AGE ", "AGE", 1)


@planted("D007", "W", (), (), "'Creatinine (mg/dL)' is kept as CREATININE__MG_DL")
def special_characters():
    return clean().column("Creatinine (mg/dL)", 1)


@planted("D008", "E", (5, 6), (), "ID is empty in rows 5, 6")
def empty_id():
    return clean().put(5, 6, ID="")


@planted("D009", "W", (26,), ("1",), "ID 1 returns at row 26 after ID 4")
def split_subject():
    return clean().append(ID="1", TIME="24", DV="0.9", EVID="0", WT="70", AGE="40", SEX="1")


@planted("D010", "W", tuple(range(14, 26)), ("7", "007"), "'7' and '007' both occur")
def leading_zeros():
    return clean().put(*range(14, 20), ID="7").put(*range(20, 26), ID="007")


@planted("D011", "W", tuple(range(2, 14)), ("1", "2"), "USUBJID S-1 has IDs 1, 2")
def one_person_two_ids():
    return clean().column("USUBJID", "").put(*range(2, 14), USUBJID="S-1").put(*range(14, 20), USUBJID="S-3")


@planted("D012", "E", (17,), ("3",), "ID 3: TIME falls from 2 to 0.5 at row 17")
def back_in_time():
    return clean().put(row(3, 3), TIME="0.5")


@planted("D013", "W", (2,), ("1",), "down to -24")
def negative_time():
    return clean().put(2, TIME="-24")


@planted("D014", "E", (9,), ("2",), "'24:60' at row 9 is not hh:mm")
def bad_clock():
    data = clean()
    for record in data.records:
        record["TIME"] = f"{8 + int(record['TIME']):02d}:00"
    return data.put(9, TIME="24:60")


@planted("D014", "E", (9,), ("2",), "'13/25/2021' at row 9 is not m/d/y (DATE)")
def bad_date():
    data = clean().column("DATE", "3/14/2021")
    for record in data.records:
        record["TIME"] = f"{8 + int(record['TIME']):02d}:00"
    return data.put(9, DATE="13/25/2021")


@planted("D015", "W", (), (), "TIME holds numbers, so DATE is not used")
def date_beside_numbers():
    return clean().column("DATE", "3/14/2021")


@planted("D015", "W", (20, 26, 32), ("4", "5", "6"), "starts near 0 for 3 subjects")
def two_clocks():
    data = clean()
    for label in ("5", "6"):
        data.records += [{**record, "ID": label} for record in data.records[:6]]
    for record in data.records[18:]:
        record["TIME"] = str(int(record["TIME"]) + 8000)
    return data


@planted("D016", "W", (3, 4, 5, 6), ("1",), "median interval between doses is 0.5 where II says 12")
def other_time_unit():
    data = clean().column("II", 0)
    doses = [{**data.records[0], "TIME": str(0.5 * number), "II": "12"} for number in range(5)]
    after = [{**record, "TIME": str(3 + int(record["TIME"]))} for record in data.records[1:6]]
    data.records = doses + after + data.records[6:]
    return data


@planted("D017", "E", (4,), ("1",), "EVID=7 at row 4")
def unknown_evid():
    return clean().put(4, EVID=7)


@planted("D017", "W", (4, 5), ("1",), "EVID is empty in rows 4, 5")
def empty_evid():
    return clean().put(4, 5, EVID=".")


@planted("D018", "E", (4,), ("1",), "Row 4: AMT=50 on an observation")
def amount_on_observation():
    return clean().put(4, AMT=50)


@planted("D019", "E", (2, 8), ("1", "2"), "2 dose rows have AMT 0 or empty (IDs 1, 2; rows 2, 8)")
def dose_of_nothing():
    return clean().put(2, AMT=0).put(8, AMT=".")


@planted("D019", "E", (9,), ("2",), "AMT is empty on 1 row that replaces or multiplies", expectation=expecting(features=FEATURES))
def replacement_without_amount():
    return clean().put(9, EVID=5, DV=".", AMT=".")


@planted("D020", "W", (2, 9), ("1", "2"), "2 of 20 observations share TIME with a dose; 1 come before")
def ties_in_mixed_order():
    data = clean().put(3, TIME=0).put(9, TIME=0)
    data.records[0], data.records[1] = data.records[1], data.records[0]
    return data


@planted("D021", "W", (6,), ("1",), "ID 1 at TIME=4 (rows 5, 6: 4.4, 2.9)")
def twice_at_one_time():
    return clean().put(6, TIME=4)


@planted("D022", "E", (8,), ("2",), "Row 8: MDV=0 on a dose row")
def scored_dose():
    return clean().column("MDV", 0, dose=1).put(8, MDV=0)


@planted("D022", "E", (9,), ("2",), "MDV=3 at row 9")
def no_flag():
    return clean().column("MDV", 0, dose=1).put(9, MDV=3)


@planted("D023", "W", (4, 5), ("1",), "2 observed values have MDV=1")
def value_set_aside():
    return clean().column("MDV", 0, dose=1).put(4, 5, MDV=1)


@planted("D024", "E", (2, 8, 14, 20), ("1", "2", "3", "4"), "Did you mean columns={'amt': 'DOSE'}")
def no_amounts():
    return clean().rename(AMT="DOSE")


@planted("D025", "W", (8,), ("2",), "ID 2 has observations but no dose")
def no_dose():
    return clean().remove(row(2, 0))


@planted("D026", "W", (8,), ("2",), "ID 2 has no observation")
def no_observation():
    return clean().remove(*range(9, 14))


@planted("D027", "E", (8,), ("2",), "RATE=-3 at row 8")
def unknown_rate():
    return clean().column("RATE", 0).put(8, RATE=-3)


@planted("D028", "E", (8,), ("2",), "RATE=-2 for doses into 'depot', but the model gives no Dose(depot, duration=...)")
def no_modelled_duration():
    return clean().column("RATE", 0).put(8, RATE=-2)


@planted("D029", "W", (8,), ("2",), "zero-order input into the depot", expectation=expecting(depots=frozenset({"depot"})))
def infusion_into_depot():
    return clean().column("RATE", 0).put(8, RATE=50)


@planted("D030", "E", (8,), ("2",), "RATE*DUR=90 but AMT=100")
def rate_against_duration():
    return clean().column("RATE", 0).column("DUR", 0).put(8, RATE=45, DUR=2)


@planted("D031", "E", (8,), ("2",), "Row 8: ADDL=6 but II is 0 or empty")
def additional_without_interval():
    return clean().column("ADDL", 0).column("II", 0).put(8, ADDL=6)


@planted("D032", "E", (8,), ("2",), "Row 8: SS=1 but II is 0 or empty")
def steady_without_interval():
    return clean().column("SS", 0).column("II", 0).put(8, SS=1)


@planted("D033", "W", (2,), ("1",), "ID 1: additional doses up to 6 overlap the recorded dose at 3")
def additional_overlap():
    data = clean().column("ADDL", 0).column("II", 0).put(2, ADDL=3, II=2)
    data.records.insert(3, {**data.records[0], "TIME": "3", "ADDL": "0", "II": "0"})
    return data


@planted("D034", "W", (8,), ("2",), "ID 2: infusion of 25 every 24")
def long_infusion():
    return clean().column("RATE", 0).column("SS", 0).column("II", 0).put(8, RATE=4, SS=1, II=24)


@planted("D035", "W", (4, 5), ("1",), "ADDL is ignored on 2 rows")
def additional_on_observation():
    return clean().column("ADDL", 0).column("II", 0).put(4, 5, ADDL=2, II=12)


@planted("D035", "W", (9,), ("2",), "RATE is ignored on 1 row that is no dose", expectation=expecting(features=FEATURES))
def rate_of_a_replacement():
    return clean().column("RATE", 0).put(9, EVID=5, DV=".", AMT=50, RATE=10)


@planted("D036", "E", (9,), ("2",), "CMT=-7: no such compartment", expectation=expecting(features=FEATURES))
def unknown_switched_off():
    return clean().column("CMT", 1).put(9, EVID=2, CMT=-7, DV=".")


@planted("D036", "E", (8,), ("2",), "CMT=3: no such compartment in the model (1=depot, 2=central)")
def unknown_compartment():
    return clean().column("CMT", 1).put(8, CMT=3)


@planted("D036", "E", (4, 5), ("1",), "DVID=3 has no endpoint in the model", expectation=expecting(endpoints={"DV": None, "PD": "2"}))
def unknown_endpoint():
    return clean().column("DVID", "DV").put(6, DVID=2).put(4, 5, DVID=3)


@planted("D036", "E", (4,), ("1",), "DVID is empty on 1 observation row", expectation=expecting(endpoints={"DV": None, "PD": "2"}))
def empty_endpoint():
    return clean().column("DVID", "DV").put(6, DVID=2).put(4, DVID=".")


@planted("D037", "W", (), (), "Endpoint 'PD' has no observation", expectation=expecting(endpoints={"DV": None, "PD": "2"}))
def endpoint_without_data():
    return clean().column("DVID", "DV")


@planted("D037", "W", (4, 5), ("1",), "The data hold 2 endpoints (DVID 1, 2), the model 1")
def one_endpoint_for_two():
    return clean().column("DVID", 1).put(4, 5, DVID=2)


@planted("D038", "E", (4,), ("1",), "CENS=2 at row 4")
def unknown_cens():
    return clean().column("CENS", 0).put(4, CENS=2)


@planted("D038", "E", (4,), ("1",), "CENS=1 but DV is empty")
def censored_without_limit():
    return clean().column("CENS", 0).put(4, CENS=1, DV=".")


@planted("D039", "E", (4,), ("1",), "LIMIT 5.2 = DV at row 4")
def empty_interval():
    return clean().column("CENS", 0).column("LIMIT", ".").put(4, CENS=1, LIMIT=5.2)


@planted("D039", "E", (4,), ("1",), "LIMIT 6 is above DV 5.2")
def swapped_limit():
    return clean().column("CENS", 0).column("LIMIT", ".").put(4, CENS=1, LIMIT=6)


@planted("D040", "W", (7, 13, 19, 25), ("1", "2", "3", "4"), "4 DV are below LLOQ")
def below_limit():
    return clean().column("LLOQ", 2)


@planted("D041", "W", (4,), ("1",), "a proportional error has variance 0", expectation=expecting(proportional=frozenset({"DV"})))
def zero_with_proportional_error():
    return clean().put(4, DV=0)


@planted("D041", "E", (4,), ("1",), "the logarithm of DV does not exist", expectation=expecting(log_endpoints=frozenset({"DV"})))
def zero_with_log_error():
    return clean().put(4, DV=0)


@planted("D042", "E", tuple(range(8, 14)), ("2",), "WT is empty in all rows of ID 2")
def empty_covariate():
    return clean().put(*range(8, 14), WT=".")


@planted("D043", "W", (10, 11), ("2",), "SEX changes within ID 2")
def changing_sex():
    return clean().put(10, SEX=1)


@planted("D043", "I", (), (), "constant in every subject", expectation=expecting(interpolation={"WT": "linear"}))
def constant_though_varying():
    return clean()


@planted("D044", "W", tuple(range(8, 14)), ("2",), "WT=8250 for ID 2")
def impossible_weight():
    return clean().put(*range(8, 14), WT=8250)


@planted(
    "D044", "W", tuple(range(14, 20)), ("3",), "WT=6.4 for an adult (AGE 55)", expectation=expecting(covariates={"WT": None, "AGE": None})
)
def light_adult():
    return clean().put(*range(14, 20), WT=6.4)


@planted("D045", "W", tuple(range(8, 14)), ("2",), "SEX has value 9 (ID 2) not in {0, 1}")
def unknown_category():
    return clean().put(*range(8, 14), SEX=9)


@planted("D046", "W", (), (), "The highest DV is typically 5.2e+03 times the dose")
def other_units():
    data = clean()
    for record in data.records:
        record["AMT"] = record["AMT"].replace("100", "0.001")
    return data


@planted("D047", "W", (), (), "Each subject has one OCC only", expectation=expecting(occasion=Occasions("OCC")))
def one_occasion():
    return clean().column("OCC", 1)


@planted("D047", "E", (5,), ("1",), "OCC is empty in 1 row", expectation=expecting(occasion=Occasions("OCC")))
def empty_occasion():
    return clean().column("OCC", 1).put(6, 7, OCC=2).put(5, OCC=".")


@planted("D048", "W", (11,), ("2",), "ID 2 TIME 4: DV is 100 times the subject's median")
def lost_decimal_point():
    return clean().put(row(2, 3), DV=310)


@planted("D049", "I", (), (), "'wt' for WT")
def other_case():
    return clean().rename(WT="wt")


@planted(
    "D050",
    "I",
    (2, 3, 4, 5, 6, 7),
    (),
    "24 rows read, 6 excluded: heavy (0), haemolysed (6)",
    exclude={"heavy": "WT>100", "haemolysed": "ID==1"},
)
def exclusions():
    return clean()


@planted("D051", "E", (26,), (), "row 26 has 3")
def ragged():
    data = clean()
    data.last = "5,0,3\n"
    return data


@planted("D052", "E", (4,), (), "NUL bytes, the first in row 4")
def nul_bytes():
    return clean().text().encode().replace(b"1,2,5.2", b"1,2,5.2\0", 1)


@planted("D052", "E", (26,), (), "can't be read from row 26 on")
def open_quotation():
    data = clean()
    data.last = '5,0,"' + "3,4,5\n" * 30_000
    return data


@planted("D053", "E", (8,), ("2",), "ADDL=1e+09 at row 8")
def huge_addl():
    return clean().column("ADDL", 0).column("II", 0).put(8, ADDL="1e9", II=12)


@planted("D054", "E", (8,), ("2",), "steady-state doses (SS) in 1 row", expectation=expecting(features=FEATURES - {"steady_state"}))
def unsupported():
    return clean().column("SS", 0).column("II", 0).put(8, SS=1, II=12)


OFF = expecting(features=FEATURES, removable=frozenset({"depot"}))


@planted("D054", "E", (9,), ("2",), "Row 9: central can't be switched off", expectation=OFF)
def central_switched_off():
    return clean().column("CMT", 1).put(9, EVID=2, CMT=-2, DV=".")


@planted("D054", "E", (9,), ("2",), "Row 9: depot is switched off in ID 2, who has infusions into it", expectation=OFF)
def infused_and_switched_off():
    return clean().column("CMT", 1).column("RATE", 0).put(8, RATE=10).put(9, EVID=2, CMT=-1, DV=".")


@planted("D055", "I", (), (), "no time column", expectation=expecting(time_needed=False, has_dosing=False, compartments=()))
def without_time():
    return clean().remove(*(row(subject, 0) for subject in (1, 2, 3, 4))).drop("TIME", "AMT", "EVID")


@planted("D056", "E", (8,), ("2",), "AMT is negative on 1 dose row")
def negative_amount():
    return clean().put(8, AMT=-100)


@planted(
    "D057", "W", (2, 8, 14, 20), ("1", "2", "3", "4"), "The model takes no doses", expectation=expecting(has_dosing=False, compartments=())
)
def doses_for_nothing():
    return clean()


@planted("D058", "E", (8,), ("2",), "ADDL=1.5 at row 8")
def broken_addl():
    return clean().column("ADDL", 0).column("II", 0).put(8, ADDL=1.5, II=12)


@planted("D058", "E", (8,), ("2",), "SS=3 at row 8")
def unknown_ss():
    return clean().column("SS", 0).column("II", 0).put(8, SS=3, II=12)


@planted("D058", "E", (8,), ("2",), "Row 8: ADDL=2 on a constant infusion")
def additional_constant_infusions():
    data = clean().column("ADDL", 0).column("II", 0).column("SS", 0).column("RATE", 0)
    return data.put(8, AMT=0, RATE=10, SS=1, II=12, ADDL=2)


@planted("D059", "W", (10, 11), ("2",), "carried from the subject's other rows by nocb")
def partly_empty_covariate():
    return clean().put(10, 11, WT=".")


@planted("D060", "W", (1,), (), "not UTF-8")
def other_encoding():
    return clean().rename(AGE="AGEµ").text().encode("latin-1")


@planted("D061", "E", (), (), "The model gives a duration of infusions into 'depot'", expectation=expecting(durations=frozenset({"depot"})))
def unused_duration():
    return clean().column("RATE", 0)


def outcome(kind: Kind, **about: Any) -> Any:
    """Return the expectation of the tests for an outcome that is not continuous."""
    return expecting(outcomes={"DV": Outcome(kind, **about)})


def whole() -> Data:
    """Return the clean data with whole numbers from 0 to 2 observed."""
    data = clean()
    for number, record in enumerate(data.records):
        record["DV"] = "." if record["EVID"] == "1" else str(number % 3)
    return data


@planted(
    "D062",
    "E",
    (4,),
    ("1",),
    "is 3 in 1 row (row 4); its categories are 0, 1, 2",
    expectation=outcome(Kind.CATEGORY, categories=3),
)
def unknown_outcome():
    return whole().put(4, DV=3)


@planted("D062", "E", (5, 6), ("1",), "is 2, 0.5 in 2 rows (rows 5, 6); its categories are 0, 1", expectation=outcome(Kind.BINARY))
def neither_yes_nor_no():
    data = whole()
    return data.put(*(k for k, one in enumerate(data.records, 2) if one["EVID"] != "1"), DV=1).put(5, DV=2).put(6, DV=0.5)


BINOMIAL = replace(outcome(Kind.BINOMIAL, trials="N"), covariates={"N": None})


@planted("D063", "E", (4, 10), ("1", "2"), "DV of DV is above N: 11 of 10, 12 of 10, in 2 rows", expectation=BINOMIAL)
def more_deaths_than_animals():
    return whole().column("N", 10).put(4, DV=11).put(10, DV=12)


@planted("D063", "E", (4,), ("1",), "N, the trials of DV, is -3", expectation=BINOMIAL)
def negative_trials():
    return whole().column("N", 10).put(4, N=-3)


@planted("D063", "E", (4,), ("1",), "successes are 0, 1, 2, ...", expectation=BINOMIAL)
def half_a_success():
    return whole().column("N", 10).put(4, DV=0.5)


@planted("D064", "E", (4, 5), ("1",), "DV of DV is -1, 1.5 in 2 rows", expectation=outcome(Kind.COUNT))
def negative_count():
    return whole().put(4, DV=-1).put(5, DV=1.5)


def events() -> Data:
    """Return the clean data with an event at the end of each subject."""
    data = clean()
    for record in data.records:
        record["DV"] = "." if record["EVID"] == "1" else str(int(record["TIME"] == "12"))
    return data


@planted("D065", "E", (4,), ("1",), "DV of DV is 2 in 1 row (row 4); 1 is an event", expectation=outcome(Kind.EVENT))
def unknown_event():
    return events().put(4, DV=2)


@planted("D065", "E", (3,), ("1",), "An event of DV at or before the beginning of the time at risk", expectation=outcome(Kind.EVENT))
def event_before_entry():
    return events().column("EVID", 0).column("AMT", 0).put(2, 8, 14, 20, EVID=2).put(3, TIME=0, DV=1)


@planted(
    "D066",
    "E",
    (14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25),
    ("3", "4"),
    "SITE and REGION cross each other",
    expectation=expecting(levels={"SITE": "SITE", "REGION": "REGION"}),
)
def crossed_levels():
    data = clean().column("SITE", "a").column("REGION", "x")
    for subject, (site, region) in enumerate((("a", "x"), ("b", "y"), ("a", "y"), ("b", "x")), 1):
        data.put(*range(row(subject, 0), row(subject + 1, 0)), SITE=site, REGION=region)
    return data


@planted("D047", "E", (4,), ("1",), "JAR is empty in 1 row", expectation=expecting(levels={"JAR": "JAR"}))
def empty_level():
    return clean().column("JAR", 1).put(3, JAR=2).put(4, JAR=".")


@planted(
    "D047", "W", (2,), ("1",), "OCC has occasions without an observation (ID 1, row 2)", expectation=expecting(occasion=Occasions("OCC"))
)
def occasion_without_observation():
    return clean().column("OCC", 1).put(2, OCC=0)


@planted("D067", "E", (4,), ("1",), "CENS is set on 1 record of DV", expectation=outcome(Kind.COUNT))
def censored_count():
    return whole().column("CENS", 0).put(4, CENS=1)
