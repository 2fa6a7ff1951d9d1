"""A small clean data set in which tests plant faults."""

from dataclasses import dataclass, field

from popmix.data import Expectation

SUBJECTS = {"1": (70, 40, 1), "2": (82.5, 31, 0), "3": (64, 55, 1), "4": (91, 28, 0)}
TIMES = (1, 2, 4, 8, 12)
VALUES = (3.1, 5.2, 4.4, 2.9, 1.7)
WIDTH = len(TIMES) + 1  # records of a subject: one dose, then the observations

EXPECTED = Expectation(covariates={"WT": None, "SEX": (0, 1)}, endpoints={"DV": None}, compartments=("depot", "central"))


def row(subject: int, record: int) -> int:
    """Row number of a record (0 is the dose) of a subject (from 1)."""
    return 2 + (subject - 1) * WIDTH + record


@dataclass
class Data:
    """Records as dictionaries; `put` writes into cells by row number."""

    records: list[dict] = field(default_factory=list)
    last: str = ""

    def put(self, *rows: int, **cells: object) -> "Data":
        for number in rows:
            self.records[number - 2].update({name: str(value) for name, value in cells.items()})
        return self

    def column(self, name: str, default: object, **by_event: object) -> "Data":
        """Add a column with a default, and another value on doses (dose=...)."""
        for record in self.records:
            dosed = record.get("EVID", "0") != "0" and "dose" in by_event
            record[name] = str(by_event["dose"] if dosed else default)
        return self

    def drop(self, *names: str) -> "Data":
        for record in self.records:
            for name in names:
                record.pop(name)
        return self

    def rename(self, **names: str) -> "Data":
        self.records = [{names.get(name, name): cell for name, cell in record.items()} for record in self.records]
        return self

    def append(self, **cells: object) -> "Data":
        self.records.append({name: str(cells.get(name, ".")) for name in self.records[0]})
        return self

    def remove(self, *rows: int) -> "Data":
        self.records = [record for number, record in enumerate(self.records, 2) if number not in rows]
        return self

    def text(self, delimiter: str = ",") -> str:
        lines = [self.records[0].keys(), *(record.values() for record in self.records)]
        return "\n".join(delimiter.join(line) for line in lines) + "\n" + self.last

    def columns(self) -> dict[str, list[str]]:
        return {name: [record[name] for record in self.records] for name in self.records[0]}


def clean() -> Data:
    """Four subjects with a dose and five concentrations each: columns ID TIME DV EVID AMT WT AGE SEX."""
    data = Data()
    for label, (weight, age, sex) in SUBJECTS.items():
        about = {"WT": str(weight), "AGE": str(age), "SEX": str(sex)}
        data.records.append({"ID": label, "TIME": "0", "DV": ".", "EVID": "1", "AMT": "100", **about})
        for time, value in zip(TIMES, VALUES, strict=True):
            data.records.append({"ID": label, "TIME": str(time), "DV": str(value), "EVID": "0", "AMT": ".", **about})
    return data
