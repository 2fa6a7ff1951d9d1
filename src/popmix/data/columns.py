"""Which column plays which part: by name, ignoring case, or as the user maps them; nothing is guessed."""

from collections.abc import Mapping
from difflib import get_close_matches

from popmix.data.cells import MISSING, is_number
from popmix.data.expectation import Expectation, Occasions
from popmix.data.findings import Collector, some
from popmix.data.raw import RawTable

ROLES = {
    "id": "ID", "time": "TIME", "dv": "DV", "evid": "EVID", "mdv": "MDV", "amt": "AMT", "rate": "RATE", "dur": "DUR",
    "addl": "ADDL", "ii": "II", "ss": "SS", "cmt": "CMT", "dvid": "DVID", "occ": "OCC", "cens": "CENS", "limit": "LIMIT",
    "lloq": "LLOQ", "date": "DATE", "dat1": "DAT1", "dat2": "DAT2", "dat3": "DAT3", "usubjid": "USUBJID",
}  # fmt: skip
_SUGGESTIONS = {
    "id": ("SUBJECT", "SUBJ", "SUBJID", "USUBJID", "PATIENT", "PATID", "PID", "CID", "INDIVIDUAL"),
    "time": ("TAFD", "TSFD", "TAD", "HOURS", "HOUR", "HRS", "DAY", "DAYS", "T", "TIMEH", "DATETIME"),
    "dv": ("CONC", "CONCENTRATION", "LIDV", "LNDV", "LDV", "Y", "OBS", "OBSERVATION", "VALUE", "RESPONSE", "CP"),
    "amt": ("DOSE", "AMOUNT", "DOSEAMT"),
    "dvid": ("YTYPE", "ENDPOINT", "FLAG", "TYPE", "CMT"),
    "occ": ("OCCASION", "VISIT", "PERIOD", "IOV"),
}
_DOSING = frozenset({"rate", "dur", "addl", "ii", "ss"})
_NONE = -1


class Columns:
    """Positions of the columns by role and by covariate name; findings about names go to the collector."""

    def __init__(self, raw: RawTable, mapping: Mapping[str, str], expectation: Expectation | None, collector: Collector) -> None:
        self.raw = raw
        self._collector = collector
        self._mapping = {str(role).lower(): str(name) for role, name in mapping.items()}
        self._different_case: list[str] = []
        self._ambiguous: set[str] = set()
        unused = _unused(expectation)
        self.roles = {role: at for role, name in ROLES.items() if role not in unused and (at := self._position(role, name)) != _NONE}
        wanted = expectation.wanted if expectation else {}
        if expectation:
            occasion = [expectation.occasion.name] if expectation.occasion else []
            self._refuse_unknown(mapping, [*wanted, *expectation.levels, *occasion])
        self.covariates = {name: at for name in wanted if (at := self._position(name, name)) != _NONE}
        if expectation is None:
            self.covariates = self._all_others(mapping)
        levels = expectation.levels if expectation else {}
        self.levels = {name: at for name, column in levels.items() if (at := self._position(name, column)) != _NONE}
        if expectation and expectation.occasion and "occ" not in self._mapping:
            self._occasion(expectation.occasion)
        self._report_names()

    def has(self, role: str) -> bool:
        """Tell whether there is a column for a role."""
        return role in self.roles

    def name(self, role: str) -> str:
        """Return the name of a role's column in the source."""
        return self.raw.names[self.roles[role]] if role in self.roles else ROLES.get(role, role)

    def _all_others(self, mapping: Mapping[str, str]) -> dict[str, int]:
        """Return every column without a role as a covariate: by the name that it is mapped to, else by its own."""
        mapped = {str(name): self._given(name, str(given)) for name, given in mapping.items() if str(name).lower() not in ROLES}
        mapped = {name: at for name, at in mapped.items() if at != _NONE}
        used = {*self.roles.values(), *mapped.values()}
        others = {name: at for at, name in enumerate(self.raw.names) if at not in used and name and self._first(name, at)}
        return others | mapped

    def _refuse_unknown(self, mapping: Mapping[str, str], wanted: list[str]) -> None:
        """Report names that are neither a role nor a covariate: a misspelt one, and one whose column is not there.

        A mapping may hold covariates that another model uses.
        """
        for name, given in mapping.items():
            if str(name).lower() in {*ROLES, *(one.lower() for one in wanted)}:
                continue
            near = did_you_mean(str(name), [*ROLES, *wanted])
            if near:
                message = f"columns maps {name}, which is neither a role nor a covariate of the model.{near}"
                self._collector.add("D005", "E", str(name), message, "Correct the mapping of columns.")
            else:
                self._given(str(name), str(given))

    def _first(self, name: str, at: int) -> bool:
        return self.raw.names.index(name) == at

    def _occasion(self, occasion: Occasions) -> None:
        self.roles.pop("occ", None)
        position = self._position(occasion.name, occasion.column or occasion.name) if occasion.by_column else _NONE
        if position != _NONE:
            self.roles["occ"] = position

    def _position(self, role: str, name: str) -> int:
        """Return where a column is, by the user's mapping, else by name, else by name ignoring case; -1 for nowhere."""
        given = self._mapping.get(role.lower())
        if given is not None:
            return self._given(role, given)
        names = self.raw.names
        if name in names:
            return names.index(name)
        same = [at for at, other in enumerate(names) if other.lower() == name.lower()]
        if len(same) > 1 and name.lower() not in self._ambiguous:
            self._ambiguous.add(name.lower())
            told = ", ".join(names[at] for at in same)
            self._collector.add("D006", "E", name, f"Columns {told} all fit {name} when the case is ignored.", "Rename all but one.")
        if same:
            self._different_case.append(f"{names[same[0]]!r} for {name}")
        return same[0] if same else _NONE

    def _given(self, role: str, given: str) -> int:
        names = self.raw.names
        same = [at for at, name in enumerate(names) if name == given] or [
            at for at, name in enumerate(names) if name.lower() == given.lower()
        ]
        if same:
            return same[0]
        message = f"There is no column {given} (given for {role}). Found: {self._found()}.{did_you_mean(given, names)}"
        self._collector.add("D005", "E", given, message, "Correct the mapping of columns.")
        return _NONE

    def _found(self) -> str:
        return some(self.raw.names, most=20) or "no column at all"

    def require(self, role: str, why: str = "") -> bool:
        """Tell whether a role has a column; report its absence, with the likeliest column, when it has none."""
        if role in self.roles:
            return True
        if role in self._mapping:
            return False  # the mapping to an absent column has been reported
        near = suggestion(role, self.raw.names)
        hint = f" Did you mean columns={{{role!r}: {near!r}}}?" if near else ""
        message = f"No column for {role}{why}. Found: {self._found()}.{hint}"
        self._collector.add("D005", "E", ROLES.get(role, role), message, f"Name it {ROLES.get(role, role)}, or map it with columns=.")
        return False

    def require_level(self, name: str, column: str) -> bool:
        """Tell whether a level (or the occasion) of the model has a column; report its absence when it has none."""
        if name in self.levels or name.lower() in self._mapping:
            return name in self.levels
        message = f"No column {column} for the level {name}. Found: {self._found()}.{did_you_mean(column, self.raw.names)}"
        self._collector.add("D005", "E", column, message, f"Add the column, or map it: columns={{{name!r}: ...}}.")
        return False

    def require_covariate(self, name: str) -> bool:
        """Tell whether a covariate of the model has a column; report its absence when it has none."""
        if name in self.covariates:
            return True
        if name.lower() in self._mapping:
            return False
        message = f"No column for covariate {name}. Found: {self._found()}.{did_you_mean(name, self.raw.names)}"
        self._collector.add("D005", "E", name, message, f"Add the column, or map it: columns={{{name!r}: ...}}.")
        return False

    def _report_names(self) -> None:
        names = self.raw.names
        for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
            places = [at + 1 for at, other in enumerate(names) if other == name]
            self._collector.add(
                "D006",
                "E",
                name,
                f"Column {name} appears {_times(len(places))} ({some(places, 'position')}).",
                "Rename or drop one of them.",
            )
        odd = [name for name in names if name and not name.replace("_", "").replace(".", "").isalnum()]
        if odd:
            exported = "".join(mark if mark.isalnum() else "_" for mark in odd[0]).strip("_").upper()
            message = (
                f"Column names with blanks or special characters: {some([repr(name) for name in odd])}. {odd[0]!r} is kept as {exported} in"
            )
            self._collector.add(
                "D007", "W", odd[0], message + " exported NONMEM files.", "Use letters, digits and _ in names.", count=len(odd)
            )
        if self._different_case:
            message = f"Columns matched ignoring case: {some(self._different_case)}."
            self._collector.add("D049", "I", self._different_case[0], message, count=len(self._different_case))


def header_is_numbers(raw: RawTable, collector: Collector) -> bool:
    """Tell whether numbers stand where column names are expected; report it."""
    names = [name for name in raw.names if name]
    if not names or not all(is_number(name) or name in MISSING for name in names):
        return False
    message = f"The first line holds numbers ({some(raw.names, most=4)}) where column names are expected."
    collector.add("D005", "E", "", message, "Add a header line: ID,TIME,DV,...", rows=[1])
    return True


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _unused(expectation: Expectation | None) -> frozenset[str]:
    """Roles that columns can't have for a model without doses: there RATE or II may be anything, and AMT a covariate."""
    if expectation is None or expectation.has_dosing:
        return frozenset()
    return _DOSING | ({"amt"} if "AMT" in expectation.covariates else frozenset())


def did_you_mean(name: str, names: list[str]) -> str:
    """Return " Did you mean X?" for the closest name, "" when nothing is close."""
    by_lower = {other.lower(): other for other in names if other}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[near[0]]}?" if near else ""


def suggestion(role: str, names: list[str]) -> str | None:
    """Return the column that a role's data are most likely in, None when none looks like it."""
    by_upper = {name.upper(): name for name in names if name}
    known = next((by_upper[name] for name in _SUGGESTIONS.get(role, ()) if name in by_upper), None)
    if known:
        return known
    free = by_upper.keys() - set(ROLES.values())
    near = get_close_matches(ROLES.get(role, role).upper(), sorted(free), n=1, cutoff=0.6)
    return by_upper[near[0]] if near else None
