"""Arrays of a population: events in time, records with their covariates, observations."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Kind(IntEnum):
    """What happens at an event."""

    RECORD = 0
    BOLUS = 1
    START = 2
    STOP = 3
    RESET = 4


RECORD, BOLUS, START, STOP, RESET = (int(kind) for kind in Kind)


class Timeline(NamedTuple):
    """Events, records and observations of all subjects, each kind stored subject after subject.

    Events (`first_event[s]` to `first_event[s + 1]`), sorted by segment, time and rank:
    `segment` counts resets, `rank` orders events at the same time, `row` is the record at which the event stands (-1: an
    implied one), `dose_row` the record of the dose, `amount` its amount or 0, `rate` the infusion rate that it switches
    on or off, `infused` the amount of the infusion (its duration is F infused / rate when F is modelled).
    Records: `at` and `between` hold covariates at the record and for the interval that ends there, `times` T and TAD.
    Observations: value `y` (on the scale of the endpoint), `endpoint`, `observed_row`.
    """

    first_event: np.ndarray
    kind: np.ndarray
    time: np.ndarray
    segment: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    dose_row: np.ndarray
    compartment: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    infused: np.ndarray
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
