"""What a model expects of its data, in plain names, so that the data floor needs to know no models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from popmix.data.cells import label

FEATURES = frozenset(
    {
        "infusion",  # RATE > 0 or DUR > 0
        "additional",  # ADDL
        "steady_state",  # SS = 1 or 2
        "modelled_rate",  # RATE = -1
        "modelled_duration",  # RATE = -2
        "reset",  # EVID 3 and 4
        "censoring",  # CENS and LIMIT
        "compartment_off",  # EVID 2 with a negative CMT
        "replace",  # EVID 5, an extension of rxode2
        "multiply",  # EVID 6, an extension of rxode2
    }
)
DEFAULT_FEATURES = FEATURES - {"replace", "multiply", "compartment_off"}


class Kind(Enum):
    """What the values of an endpoint are."""

    CONTINUOUS = "continuous"
    BINARY = "binary"
    BINOMIAL = "binomial"
    COUNT = "count"
    CATEGORY = "category"
    EVENT = "event"
    FREE = "free"


@dataclass(frozen=True)
class Outcome:
    """The values that an endpoint may have: a BINOMIAL of `trials` (a number or a column), a CATEGORY of so many `categories`."""

    kind: Kind
    trials: float | str | None = None
    categories: int | None = None


@dataclass(frozen=True)
class Occasions:
    """How the occasions of a subject are told apart: by the labels in a column, by its doses, or by times at which new ones begin."""

    name: str
    column: str | None = None
    dose: bool = False
    breaks: tuple[float, ...] | None = None

    @property
    def by_column(self) -> bool:
        """Whether the labels stand in a column."""
        return not self.dose and self.breaks is None


@dataclass(frozen=True)
class Expectation:
    """The columns, endpoints, compartments and features that a model expects of a data set.

    covariates: name -> allowed categories, or None for a number. Categories that are all numbers are read as numbers.
    interpolation: name -> "locf" | "nocb" | "linear" where the model states it; it wins over every default.
    endpoints: name -> its label in the DVID column, or None for "the name itself; every row when it is the only endpoint".
    compartments: names in order; CMT holds a name or the number (from 1). aliases: other names of them. depots: those that only
    feed others by absorption.
    removable: those that may be switched off, because nothing but doses flows into them.
    rates, durations: compartments with a modelled rate (RATE = -1) or duration (RATE = -2).
    has_dosing: the model takes doses. time_needed: it depends on time. ordered: it needs the records in order of time (anything
    with compartments, states or hazards; a purely algebraic model does not).
    features: names out of `FEATURES` that the model and method support.
    proportional: endpoints whose variance vanishes with the prediction; log_endpoints: densities of log(DV).
    lloq, uloq: endpoint -> a number or the name of a column. outcomes: endpoint -> what its values are. occasion: how occasions are told
    apart, None without. levels: name of a grouping -> its column.
    """

    covariates: Mapping[str, tuple | None] = field(default_factory=dict)
    interpolation: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str | int | None] = field(default_factory=dict)
    compartments: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    depots: frozenset[str] = frozenset()
    removable: frozenset[str] = frozenset()
    rates: frozenset[str] = frozenset()
    durations: frozenset[str] = frozenset()
    has_dosing: bool = True
    time_needed: bool = True
    ordered: bool = True
    features: frozenset[str] = DEFAULT_FEATURES
    proportional: frozenset[str] = frozenset()
    log_endpoints: frozenset[str] = frozenset()
    lloq: Mapping[str, float | str] = field(default_factory=dict)
    uloq: Mapping[str, float | str] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    occasion: Occasions | None = None
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, tuple | None]:
        """Columns to keep beside the events, name -> categories: the covariates, and limits of quantification that are columns."""
        limits = [*self.lloq.values(), *self.uloq.values()]
        return {name: None for name in limits if isinstance(name, str)} | dict(self.covariates)

    def endpoint_of(self, dvid: str) -> str | None:
        """Return the endpoint that a (normalised) DVID label belongs to, None when there is none; "" is the only one."""
        if len(self.endpoints) == 1 and dvid == "":
            return next(iter(self.endpoints))
        labels = {name: label(str(name if given is None else given)) for name, given in self.endpoints.items()}
        if len(labels) == 1 and None in self.endpoints.values():
            return next(iter(labels))
        by_label = next((name for name, text in labels.items() if text == dvid), None)
        return by_label or (dvid if dvid in labels else None)

    def compartment_of(self, cmt: str) -> str | None:
        """Return the compartment that a (normalised) CMT label names: a name, or its number from 1; "" is the first one."""
        if not self.compartments:
            return None
        if cmt == "":
            return self.compartments[0]
        if cmt.isdecimal() and 1 <= int(cmt) <= len(self.compartments):
            return self.compartments[int(cmt) - 1]
        return cmt if cmt in self.compartments else self.aliases.get(cmt)
