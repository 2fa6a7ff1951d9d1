"""Arrays of a population: events in time, records with their covariates, observations."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Kind(IntEnum):
    """What happens at an event.

    STEADY brings the steady state of a repeated dose, CONSTANT that of a constant infusion that ends there, both added to what
    is there. REPLACE sets an amount, MULTIPLY multiplies it, OFF empties a compartment.
    """

    RECORD = 0
    BOLUS = 1
    START = 2
    STOP = 3
    RESET = 4
    STEADY = 5
    CONSTANT = 6
    REPLACE = 7
    MULTIPLY = 8
    OFF = 9


class Form(IntEnum):
    """How a dose enters: at once, or as an infusion of which the data or the model give the rate or the duration."""

    AT_ONCE = 0
    RATE_GIVEN = 1
    DURATION_GIVEN = 2
    RATE_MODELLED = 3
    DURATION_MODELLED = 4


RECORD, BOLUS, START, STOP, RESET, STEADY, CONSTANT, REPLACE, MULTIPLY, OFF = (int(kind) for kind in Kind)
AT_ONCE, RATE_GIVEN, DURATION_GIVEN, RATE_MODELLED, DURATION_MODELLED = (int(form) for form in Form)
# whose covariates hold: those of the interval that ends at a record, or of the record itself
BETWEEN, AT = 0, 1


class Timeline(NamedTuple):
    """Events, records and observations of all subjects, each kind stored subject after subject.

    Events (`first_event[s]` to `first_event[s + 1]`), sorted by segment, time and rank:
    `segment` counts resets, `rank` orders events at the same time, `row` is the record at which the event stands (-1: an
    implied one), `dose_row` the record of the dose, `form` how it enters, `amount` its amount at once or 0, `rate` the infusion
    rate that it switches on or off (0: modelled), `infused` the amount of the infusion, `interval` the dosing interval of a
    steady state. The static time of the end of an infusion is that of its beginning where its rate or duration is modelled,
    and holds the duration for F = 1 where its rate is given.
    Records: `at` and `between` hold covariates at the record and for the interval that ends there, `times` T and TAD.
    Observations: value `y` (on the scale of the endpoint), `endpoint`, `observed_row`.
    Of the whole population: whether events move with parameters (`moving`), whether infusion rates do (`modelled`), and the
    largest number of steady-state infusions of a subject (`n_trains`).
    """

    first_event: np.ndarray
    kind: np.ndarray
    time: np.ndarray
    segment: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    dose_row: np.ndarray
    compartment: np.ndarray
    form: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    infused: np.ndarray
    interval: np.ndarray
    observation: np.ndarray
    first_row: np.ndarray
    at: np.ndarray
    between: np.ndarray
    times: np.ndarray
    first_observation: np.ndarray
    y: np.ndarray
    endpoint: np.ndarray
    observed_row: np.ndarray
    moving: bool
    modelled: bool
    n_trains: int
