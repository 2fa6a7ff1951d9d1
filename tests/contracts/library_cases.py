"""Every structure of the library in a small model, beside the same equations written out by hand, with a population for it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from worlds import frame

from popmix.likelihood import Problem, Solver, bind
from popmix.model import Model, read
from popmix.model.parameters import parameters_of

DOSED, STEADILY, DRIVEN, ALONE = "dosed", "dosed, steady states too", "driven by a concentration", "alone"
"""Histories: doses into the structure (with or without steady states), doses into a compartment that drives it, no doses at all."""
ROUTE = {"lag": 0.31, "f": 0.8, "duration": 1.7}
DRIVER = {"clearance": 0.8, "volume": 4.0}
SPREAD = (0.25, 0.2, 0.15)


@dataclass(frozen=True)
class Case:
    """A use of a structure: arguments with their values (upper case in the model; the first three vary), and its equations by hand.

    `constants` are arguments in the words of the model. `written` holds states and their equations, with upper-case arguments and C, the
    driving concentration. `observed` is the part that is read and what it is by hand.
    """

    kind: str
    form: str
    values: dict[str, float]
    history: str
    observed: tuple[str, str]
    written: str
    constants: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}({self.form})"

    @property
    def arguments(self) -> set[str]:
        """Names of the arguments in use."""
        return {*self.values, *self.constants} | (set(ROUTE) if self.is_dosed else set())

    @property
    def is_dosed(self) -> bool:
        """Whether doses go into the structure itself."""
        return self.history in (DOSED, STEADILY)

    @cached_property
    def word(self) -> Model:
        """The model with the word of the library."""
        given = [f"{name}={name.upper()}" for name in self.values] + [f"{name}={text}" for name, text in self.constants.items()]
        given += [f"{name}={name.upper()}" for name in ROUTE] if self.is_dosed else []
        return self._read(f"part = {self.kind}({', '.join(given)})", f"part.{self.observed[0]}")

    @cached_property
    def by_hand(self) -> Model:
        """The model with its equations written out."""
        lines = self.written.splitlines()
        if self.is_dosed:
            first = lines[0].split(" ")[0]
            lines.append(f"route = Dose({first}, {', '.join(f'{name}={name.upper()}' for name in ROUTE)})")
        return self._read("\n    ".join(lines), self.observed[1])

    def _read(self, structure: str, observed: str) -> Model:
        values = self.values | (ROUTE if self.is_dosed else DRIVER if self.history == DRIVEN else {})
        varying = list(values)[:3]
        lines = []
        for name, value in values.items():
            own = name.upper()
            if name in varying:
                lines += [f"tv{own} = Theta({value}, lower=0)", f"{own} = LogNormal(tv{own}, iiv={SPREAD[varying.index(name)]})"]
            else:
                lines.append(f"{own} = Theta({value}, lower=0)")
        if self.history == DRIVEN:
            lines += ["pk = OneCompartment(cl=CLEARANCE, v=VOLUME)", "C = pk.concentration"]
        lines += [structure, f"DV = Observation({observed}, additive=0.05, proportional=0.1)"]
        return read("from popmix import *\n\n\nclass Small(Model):\n    " + "\n    ".join(lines) + "\n")

    @cached_property
    def data(self) -> pl.DataFrame:
        """Records of five subjects; observations are the model's own, at random effects and with random errors."""
        rows = records(self.history, central=2 if "ka" in self.values else 1)
        blank = frame([row | {"DV": None if row["EVID"] else 1.0} for row in rows])
        problem, rng = bind(self.word, blank), np.random.default_rng(7)
        etas = rng.normal(size=(problem.n_subjects, problem.code.n_etas)) * SPREAD[: problem.code.n_etas]
        found = problem.predictions(parameters_of(self.word), etas, slopes=False)
        assert np.all(found.status == 0) and np.max(found.f) > 0.3, f"{self}: the data say nothing"
        values = iter(found.f + np.sqrt(found.variance) * rng.normal(size=len(found.f)))
        return frame([row | {"DV": None if row["EVID"] else float(next(values))} for row in rows])

    def problem(
        self, method: str = "auto", tolerance: float = 1e-8, *, by_hand: bool = False, data: pl.DataFrame | None = None
    ) -> Problem:  # fmt: skip
        """Bind the word (or the equations by hand) to the data."""
        return bind(self.by_hand if by_hand else self.word, self.data if data is None else data, solver=Solver(method, tolerance))


def records(history: str, central: int) -> list[dict]:
    """Return the records of five subjects with different kinds of doses; DV is yet to come."""
    later = {
        1: [{"TIME": 4.0, "AMT": 20.0, "CMT": central, "RATE": 8.0}, {"TIME": 5.2, "AMT": 9.0, "CMT": 1}],
        2: [{"TIME": 2.0, "AMT": 25.0, "CMT": 1, "RATE": -2.0}, {"TIME": 9.0, "AMT": 30.0, "CMT": 1, "EVID": 4}],
        3: [
            {"TIME": 5.0, "AMT": 15.0, "CMT": 1, "ADDL": 2, "II": 3.0},
            {"TIME": 12.0, "EVID": 3},
            {"TIME": 12.5, "AMT": 20.0, "CMT": central},
        ],
        4: [{"TIME": 3.0, "AMT": 20.0, "CMT": 1, "SS": 1, "II": 6.0, "ADDL": 1}],
        5: [{"TIME": 3.0, "AMT": 20.0, "CMT": central, "RATE": 6.0, "SS": 1, "II": 7.0}, {"TIME": 6.0, "AMT": 7.0, "CMT": central}],
    }
    rows = []
    for subject, more in later.items():
        doses = [] if history == ALONE else [{"TIME": 0.0, "AMT": 10.0 + 10 * subject, "CMT": 1}]
        for row in [] if history == ALONE else more[:1] if history == DRIVEN else more:
            # a response that grows has no steady state; nothing models the durations of what drives it
            left_out = {STEADILY: (), DOSED: ("SS",), DRIVEN: ("SS", "RATE")}[history]
            doses.append({name: value for name, value in row.items() if name not in left_out})
        rows += [{"ID": subject, "EVID": 1} | dose for dose in doses]
        times = (0.0, 0.7, 1.9, 3.3, 6.1, 9.6, 13.7, 19.3)
        rows += [{"ID": subject, "EVID": 0, "TIME": time} for time in times[0 if history == ALONE else 1 :]]
    return sorted(rows, key=lambda row: (row["ID"], row["TIME"]))
