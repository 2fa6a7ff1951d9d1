"""The event table: the records of a data set as arrays, grouped by subject."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from popmix.data.findings import Findings, counted
from popmix.table import Table

INTERPOLATIONS = ("locf", "nocb", "linear")


@dataclass(frozen=True, eq=False, repr=False)
class EventTable:
    """Records of dosing, observation and other events, grouped by subject (in order of first appearance), n rows.

    Within a subject the records keep the order of the file, also at equal times. All arrays are read only.

    ids: labels of the subjects; subject: int64[n], index into `ids`; row: int64[n], row number (the header is row 1).
    time: float[n], in the unit of the data (hours when made from clock times). dv: float[n], nan where missing.
    evid: int64[n] (0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose); mdv: int64[n], 1 = not scored.
    amt, rate, duration: float[n], nan where absent (rate -1: modelled rate, -2: modelled duration); ii: float[n], 0 where
    absent; addl, ss: int64[n].
    compartment, endpoint, occasion: object[n] of str, "" where missing; numbers are normalised ("1" for 1.0); `occasion` is
    None without such a column, and made where occasions begin with doses or at given times.
    levels: name of a grouping -> object[n] of str, its labels.
    cens: int64[n] (1 below, -1 above, 0 as observed); limit: float[n], nan where absent.
    covariates: name -> float[n] or object[n] of str; interpolation: name -> "locf" | "nocb" | "linear".
    library: "pandas" for data that came from a pandas frame, else "polars"; tables about these data come in the same.
    n_read: records in the source; excluded: (reason, count) of every exclusion; missing: covariate -> empty cells before
    values were carried into them; findings: warnings and notes of the reading.
    """

    ids: tuple[str, ...]
    subject: np.ndarray
    row: np.ndarray
    time: np.ndarray
    dv: np.ndarray
    evid: np.ndarray
    mdv: np.ndarray
    amt: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    ii: np.ndarray
    addl: np.ndarray
    ss: np.ndarray
    compartment: np.ndarray
    endpoint: np.ndarray
    cens: np.ndarray
    limit: np.ndarray
    occasion: np.ndarray | None
    levels: Mapping[str, np.ndarray]
    covariates: Mapping[str, np.ndarray]
    interpolation: Mapping[str, str]
    source: str
    sha256: str
    n_read: int
    library: str = "polars"
    excluded: tuple[tuple[str, int], ...] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        arrays = [value for value in vars(self).values() if isinstance(value, np.ndarray)]
        for array in [*arrays, *self.covariates.values(), *self.levels.values()]:
            array.setflags(write=False)

    @property
    def n_rows(self) -> int:
        """Number of records."""
        return len(self.row)

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.ids)

    @property
    def scored(self) -> np.ndarray:
        """Mask of the records whose DV enters the likelihood: EVID = 0 and MDV = 0."""
        return (self.evid == 0) & (self.mdv == 0)

    @property
    def dosing(self) -> np.ndarray:
        """Mask of the dose records: EVID 1 and 4."""
        return (self.evid == 1) | (self.evid == 4)

    @property
    def n_observations(self) -> int:
        """Number of scored observations."""
        return int(np.count_nonzero(self.scored))

    @property
    def n_doses(self) -> int:
        """Number of dose records (additional doses not counted)."""
        return int(np.count_nonzero(self.dosing))

    @property
    def starts(self) -> np.ndarray:
        """int64[subjects + 1]: records of subject i are starts[i] to starts[i + 1] - 1."""
        return np.searchsorted(self.subject, np.arange(self.n_subjects + 1))

    def to_table(self) -> Table:
        """Return the records as a table with the columns of a NONMEM file, covariates last."""
        ids = np.array(self.ids, dtype=object)[self.subject] if self.n_rows else np.zeros(0, dtype=object)
        columns = {"ID": ids, "TIME": self.time, "DV": self.dv, "EVID": self.evid, "MDV": self.mdv}
        columns |= {"AMT": self.amt, "RATE": self.rate, "DUR": self.duration, "ADDL": self.addl, "II": self.ii, "SS": self.ss}
        columns |= {"CMT": self.compartment, "DVID": self.endpoint, "CENS": self.cens, "LIMIT": self.limit}
        if self.occasion is not None:
            columns["OCC"] = self.occasion
        return Table(columns | dict(self.levels) | dict(self.covariates))

    def __repr__(self) -> str:
        counts = ((self.n_subjects, "subject"), (self.n_observations, "observation"), (self.n_doses, "dose"), (self.n_rows, "record"))
        sizes = ", ".join(counted(count, noun) for count, noun in counts)
        names = f"; covariates {', '.join(self.covariates)}" if self.covariates else ""
        return f"EventTable({self.source}: {sizes}{names})"
