"""Checks of outcomes that are not continuous: categories, counts, successes among trials, and events in time."""

import numpy as np

from popmix.data.expectation import Expectation, Kind, Outcome
from popmix.data.findings import Collector, some
from popmix.data.records import Records


def values(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D062 to D065, D067: values that an outcome can't have, and limits where there is nothing to be censored."""
    if expectation is None:
        return
    of = {text: expectation.endpoint_of(text) for text in set(records.endpoint)}
    named = np.array([of[text] or "" for text in records.endpoint], dtype=object)
    events = [name for name, outcome in expectation.outcomes.items() if outcome.kind is Kind.EVENT]
    of_events = records.scored & np.isin(named, events) & ~np.isnan(records["dv"])
    for name, outcome in expectation.outcomes.items():
        own = records.scored & (named == name) & ~np.isnan(records["dv"])
        if outcome.kind is not Kind.CONTINUOUS:
            _limits(records, name, own, collector)
        if outcome.kind in _CHECKS:
            _CHECKS[outcome.kind](records, name, outcome, own, collector)
        if outcome.kind is Kind.EVENT:
            _events(records, name, own, of_events, collector)


def _limits(records: Records, name: str, own: np.ndarray, collector: Collector) -> None:
    """D067: CENS on a record of an outcome that is not continuous."""
    where = own & (np.nan_to_num(records["cens"]) != 0)
    title = records.columns.name("cens")
    told = f"{title} is set on <n> <record|records> of {name}, which has no limit of quantification (<at>)."
    collector.mark("D067", "E", title, where, told, f"Set {title} to 0; of an event DV=0 says that it has not happened yet.")


def _categories(records: Records, name: str, outcome: Outcome, own: np.ndarray, collector: Collector) -> None:
    """D062: a value that is none of the categories 0, 1, ... of the model."""
    count, dv, title = outcome.categories or 2, records["dv"], records.columns.name("dv")
    where = own & ~((dv >= 0) & (dv < count) & (dv == np.floor(dv)))
    found = some([f"{value:g}" for value in dict.fromkeys(dv[where].tolist())])
    told = f"{title} of {name} is {found} in <n> <row|rows> (<at>); its categories are {', '.join(str(k) for k in range(count))}."
    collector.mark("D062", "E", title, where, told, "Recode the values from 0 on, or give the model the missing category.")


def _counts(records: Records, name: str, outcome: Outcome, own: np.ndarray, collector: Collector) -> None:
    """D064: a count that is negative or no whole number."""
    dv, title = records["dv"], records.columns.name("dv")
    where = own & ~((dv >= 0) & (dv == np.floor(dv)))
    told = f"{title} of {name} is {some([f'{value:g}' for value in dv[where]])} in <n> <row|rows> (<at>): a count is 0, 1, 2, ..."
    collector.mark("D064", "E", title, where, told, "Correct the cells, or exclude them.")


def _successes(records: Records, name: str, outcome: Outcome, own: np.ndarray, collector: Collector) -> None:
    """D063: more successes than trials, or numbers that are no counts."""
    dv, title, trials = records["dv"], records.columns.name("dv"), _trials(records, outcome)
    wrong = own & ~((dv >= 0) & (dv == np.floor(dv)))
    told = f"{title} of {name} is {some([f'{value:g}' for value in dv[wrong]])} in <n> <row|rows> (<at>): successes are 0, 1, 2, ..."
    collector.mark("D063", "E", title, wrong, told, "Correct the cells, or exclude them.")
    if trials is None:
        return
    column = outcome.trials if isinstance(outcome.trials, str) else title
    odd = own & ~((trials >= 0) & (trials == np.floor(trials)))
    told = f"{column}, the trials of {name}, is {some([f'{value:g}' for value in trials[odd]])} in <n> <row|rows> (<at>)."
    collector.mark("D063", "E", column, odd, told, "Trials are 0, 1, 2, ...")
    above = own & ~wrong & ~odd & (dv > trials)
    pairs = some([f"{value:g} of {total:g}" for value, total in zip(dv[above], trials[above], strict=True)])
    told = f"{title} of {name} is above {column}: {pairs}, in <n> <row|rows> (<at>)."
    collector.mark("D063", "E", title, above, told, "There can't be more successes than trials: correct one of the two.")


def _trials(records: Records, outcome: Outcome) -> np.ndarray | None:
    if isinstance(outcome.trials, str):
        found = records.covariates.get(outcome.trials)
        return found if found is not None and found.dtype.kind == "f" else None
    return None if outcome.trials is None else np.full(records.n, float(outcome.trials))


def _events(records: Records, name: str, own: np.ndarray, of_events: np.ndarray, collector: Collector) -> None:
    """D065: an event's code that is neither 0 nor 1, and an event when the subject is not at risk yet."""
    dv, title, time = records["dv"], records.columns.name("dv"), records.time
    wrong = own & ~np.isin(dv, (0.0, 1.0))
    told = f"{title} of {name} is {some([f'{value:g}' for value in dv[wrong]])} in <n> <row|rows> (<at>); 1 is an event, 0 none so far."
    collector.mark("D065", "E", title, wrong, told, "Recode the values.")
    entry = np.zeros(records.n)
    for start, stop in records.runs:
        begins = start
        for k in range(start, stop):
            begins = k if records.event[k] in (3, 4) else begins
            # at risk from the first record on, or from time 0 where that is the record of an event
            entry[k] = min(0.0, time[begins]) if of_events[begins] else time[begins]
    early = own & (dv == 1) & ~(time > entry)
    told = f"An event of {name} at or before the beginning of the time at risk, in <n> <row|rows> (<at>)."
    fix = (
        "The time at risk begins with a subject's first record or EVID=3, at time 0 where the event is the first record: correct the times."
    )
    collector.mark("D065", "E", records.columns.name("time"), early, told, fix)


_CHECKS = {
    Kind.BINARY: _categories,
    Kind.CATEGORY: _categories,
    Kind.COUNT: _counts,
    Kind.BINOMIAL: _successes,
}

CHECKS = (values,)
