"""Checks of plausibility: units of dose and concentration, and values that stand out of their own curve."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, some
from popmix.data.records import Records

_SMALLEST_VOLUME = 0.012  # dose / highest concentration: below the plasma volume per kg even for doses in mg/kg
_OUTLYING = 20.0
_LEAST_OBSERVATIONS = 4
_FEW, _MOST_OUTLYING = 3, 0.02


def dose_units(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D046: doses so small against the concentrations that the units can't be the same."""
    if len(set(records.endpoint[records.scored])) > 1 or (expectation and (not expectation.has_dosing or expectation.log_endpoints)):
        return
    dose, top = records.largest_by_subject(records["amt"], records.doses), records.largest_by_subject(records["dv"], records.scored)
    usable = (dose > 0) & (top > 0)
    ratio = float(np.median(dose[usable] / top[usable])) if usable.any() else 1.0
    if ratio >= _SMALLEST_VOLUME:
        return
    message = f"The highest DV is typically {1 / ratio:.3g} times the dose: volumes would come out near {ratio:.2g}. "
    message += "Amounts in mg with DV in ng/mL?"
    collector.add("D046", "W", records.columns.name("dv"), message, "Bring AMT and DV to units that go together, or scale the prediction.")


def outliers(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D048: a value far from both of its neighbours in time and from the subject's median, as a lost decimal point makes."""
    if not records.doses.any() or (expectation and not expectation.has_dosing):
        return
    dv, labels = records["dv"], records.labels
    hits, medians = _alone(records)
    if len(hits) > max(_FEW, _MOST_OUTLYING * np.count_nonzero(records.scored)):
        return  # data that scatter like this have no outliers
    told = [
        f"ID {labels[at]} TIME {records.time[at]:g}: DV is {dv[at] / median:.3g} times the subject's median"
        for at, median in zip(hits.tolist(), medians, strict=True)
    ]
    message = f"{some(told)} (a slipped decimal point?)."
    collector.mark("D048", "W", records.columns.name("dv"), hits, message, "Check the values; none is left out by itself.")


def _alone(records: Records) -> tuple[np.ndarray, list[float]]:
    """Return values far from both neighbours of one subject and endpoint with no other event between, and the medians of their curves."""
    dv, endpoint = records["dv"], np.unique(records.endpoint.astype(str), return_inverse=True)[1]
    index = np.flatnonzero(records.scored & (dv > 0) & (np.nan_to_num(records["cens"]) == 0))
    index = index[np.lexsort((index, endpoint[index], records.subject[index]))]
    period = np.cumsum(records.event != 0)
    curve = records.subject[index] * (endpoint.max(initial=0) + 1) + endpoint[index]
    before, at, after = index[:-2], index[1:-1], index[2:]
    together = (curve[:-2] == curve[2:]) & (period[before] == period[after])
    upper, lower = np.maximum(dv[before], dv[after]), np.minimum(dv[before], dv[after])
    candidates = np.flatnonzero(together & ((dv[at] > _OUTLYING * upper) | (dv[at] * _OUTLYING < lower)))
    hits, medians = [], []
    for candidate in candidates.tolist():
        start, stop = np.searchsorted(curve, (curve[candidate], curve[candidate] + 1))
        members = dv[index[start:stop]]
        median, value = float(np.median(members)), dv[at[candidate]]
        if len(members) >= _LEAST_OBSERVATIONS and not median / _OUTLYING <= value <= median * _OUTLYING:
            hits.append(at[candidate])
            medians.append(median)
    return np.array(hits, dtype=np.int64), medians


CHECKS = (dose_units, outliers)
