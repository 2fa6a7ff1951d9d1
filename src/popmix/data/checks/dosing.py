"""Checks of how doses are given: RATE, DUR, ADDL, II, SS, and the compartments and features of the model."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, first, some
from popmix.data.records import Records

MOST_ADDITIONAL = 10_000
_TOLERANCE = 1e-3


def _doses(records: Records, expectation: Expectation | None) -> np.ndarray:
    """Mask of the doses that a model takes (EVID 1 and 4)."""
    return np.isin(records.event, (1, 4)) & (expectation is None or expectation.has_dosing)


def _switched_off(records: Records) -> np.ndarray:
    """Mask of the records that switch a compartment off (EVID 2 with a negative CMT)."""
    return (records.event == 2) & _negative(records)


def _negative(records: Records) -> np.ndarray:
    """Mask of the records with a negative CMT."""
    return np.array([text[:1] == "-" for text in records.compartment.tolist()], dtype=bool)


def _targets(records: Records, expectation: Expectation) -> np.ndarray:
    """Name of the compartment that each record is about, None where there is no such one."""
    texts = records.compartment.tolist()
    known = {text: expectation.compartment_of(text.removeprefix("-")) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=object)


def rate_codes(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D027: a negative RATE that is no code. D028: a code for which the model has nothing."""
    rate, name, doses = records["rate"], records.columns.name("rate"), _doses(records, expectation)
    wrong = doses & (rate < 0) & ~np.isin(rate, (-1, -2))
    told = f"{name}={first(rate, wrong)} at <at>."
    collector.mark("D027", "E", name, wrong, told, "Use > 0 (rate), 0 (bolus), -1 (rate modelled) or -2 (duration modelled).")
    if expectation is None or not expectation.compartments:
        return
    into = _targets(records, expectation)
    for code, feature, having, word in (
        (-1, "modelled_rate", expectation.rates, "rate"),
        (-2, "modelled_duration", expectation.durations, "duration"),
    ):
        lacking = np.array([target is not None and target not in having for target in into], dtype=bool)
        where = doses & (rate == code) & lacking & (feature in expectation.features)
        if where.any():
            target = into[int(np.flatnonzero(where)[0])]
            message = f"{name}={code} for doses into {target!r}, but the model gives no Dose({target}, {word}=...)."
            collector.mark("D028", "E", name, where, message, f"Add {word}= to the model, or give the {word} in the data.")


def _untold(records: Records) -> bool:
    """Whether the data say nothing of rates and durations, so that the model's hold for all doses."""
    return bool(np.all(np.isnan(records["rate"])) and np.all(np.isnan(records["dur"])))


def unused_inputs(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D061: the model gives the rate or the duration of infusions into a compartment, and no dose uses it."""
    if expectation is None or not expectation.has_dosing:
        return
    rate, into, doses = records["rate"], _targets(records, expectation), _doses(records, expectation)
    untold = _untold(records)
    for code, having, word in ((-1, expectation.rates, "rate"), (-2, expectation.durations, "duration")):
        for name in sorted(having):
            if np.any(doses & (into == name) & (untold | (rate == code))):
                continue
            message = f"The model gives a {word} of infusions into {name!r}, but no dose there uses it."
            fix = f"Write RATE={code} on the doses that last as modelled, or take {word}= out of the model."
            collector.add("D061", "E", records.columns.name("rate"), message, fix)


def rate_into_depot(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D029: an infusion into an absorption compartment."""
    if expectation is None or not expectation.depots:
        return
    depot = np.isin(_targets(records, expectation), sorted(expectation.depots))
    where = _doses(records, expectation) & depot & ((records["rate"] > 0) | (records["dur"] > 0))
    column = "rate" if (records["rate"] > 0).any() else "dur"
    names = some(sorted(expectation.depots))
    message = f"<n> <dose|doses> into {names} <carries|carry> a rate: zero-order input into the depot."
    collector.mark(
        "D029",
        "W",
        records.columns.name(column),
        where,
        message,
        "Intended? An intravenous infusion goes into the central compartment (CMT).",
    )


def rate_and_duration(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D030: RATE and DUR contradict each other."""
    rate, duration, amount = records["rate"], records["dur"], records["amt"]
    both = _doses(records, expectation) & (duration > 0)
    wrong = both & (((rate > 0) & (np.abs(rate * duration - amount) > _TOLERANCE * np.abs(amount))) | np.isin(rate, (-1, -2)))

    product = f"RATE*DUR={first(rate * duration, wrong)} but AMT={first(amount, wrong)}"
    told = "the rate or duration is modelled" if np.isin(rate[wrong], (-1, -2)).any() else product
    message = f"<At>: {told} with DUR={first(duration, wrong)}."
    collector.mark("D030", "E", records.columns.name("dur"), wrong, message, "Give one of RATE and DUR.")


def intervals(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D031 and D032: additional and steady-state doses need an interval. D034: a steady-state infusion longer than its interval."""
    doses = _doses(records, expectation) & records.ok("ii", "addl", "ss")
    interval, additional, steady = np.nan_to_num(records["ii"]), records["addl"], records["ss"]
    none = doses & (interval == 0)
    addl, ss, ii = (records.columns.name(role) for role in ("addl", "ss", "ii"))
    where = none & (additional > 0)
    told = f"<At>: {addl}={first(additional, where)} but {ii} is 0 or empty: no additional dose would be given."
    collector.mark("D031", "E", addl, where, told, f"Give the dosing interval in {ii}.")
    lacking = none & np.isin(steady, (1, 2)) & ~records.constant
    told = f"<At>: {ss}={first(steady, lacking)} but {ii} is 0 or empty (only allowed for constant infusions, AMT=0)."
    collector.mark("D032", "E", ss, lacking, told, f"Give the dosing interval in {ii}.")
    length = _infusion_length(records)
    longer = doses & (steady > 0) & (interval > 0) & (length > interval * (1 + _TOLERANCE))

    message = f"<who>: infusion of {first(length, longer)} every {first(interval, longer)} at steady state; the infusions overlap."
    collector.mark("D034", "W", ss, longer, message, "Check RATE, AMT and II.")


def _infusion_length(records: Records) -> np.ndarray:
    rate, duration = records["rate"], records["dur"]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(duration > 0, duration, np.where(rate > 0, records["amt"] / rate, 0.0))


def overlap(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D033: additional doses run into the next recorded dose of the same compartment."""
    if not records.columns.has("addl"):
        return
    doses = _doses(records, expectation)
    active = doses & (records["addl"] > 0) & (records["ii"] > 0) & np.isin(records.event, (1, 4)) & ~np.isnan(records.time)
    hits, told, labels = [], [], records.labels if active.any() else []
    ends = records.time + np.nan_to_num(records["addl"]) * np.nan_to_num(records["ii"])
    for at in np.flatnonzero(active).tolist():
        following = _next_dose(records, doses, at)
        if following is not None and ends[at] >= records.time[following]:
            hits.append(at)
            told.append(f"ID {labels[at]}: additional doses up to {ends[at]:g} overlap the recorded dose at {records.time[following]:g}")
    message = f"{some(told)}."
    fix = "Lower ADDL when the recorded dose replaces one of them."
    collector.mark("D033", "W", records.columns.name("addl"), np.array(hits, dtype=np.int64), message, fix)


def _next_dose(records: Records, doses: np.ndarray, at: int) -> int | None:
    """Return the next dose into the same compartment, None when a reset or the subject's end comes first."""
    for later in range(at + 1, records.n):
        if records.subject[later] != records.subject[at] or records.event[later] in (3, 4) or records["ss"][later] == 1:
            return None
        if doses[later] and records.compartment[later] == records.compartment[at]:
            return later
    return None


def ignored_on_other_rows(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D035: ADDL or SS on rows that are no doses, or a rate or duration where an amount is replaced or multiplied (EVID 5 and 6)."""
    no_dose, rewritten = ~np.isin(records.event, (1, 4)), np.isin(records.event, (5, 6))
    for role, rows in (("addl", no_dose), ("ss", no_dose), ("rate", rewritten), ("dur", rewritten)):
        name = records.columns.name(role)
        where = rows & (np.nan_to_num(records[role]) != 0)
        message = f"{name} is ignored on <n> <row|rows> that <is no dose|are no doses> (<at>)."
        collector.mark("D035", "W", name, where, message, f"Set {name}=0 there, or make the rows doses.")


def numbers_of_doses(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D053: more additional doses than anyone means. D058: codes and durations that are none."""
    doses = _doses(records, expectation)
    additional, name = records["addl"], records.columns.name("addl")
    huge = doses & (additional > MOST_ADDITIONAL)
    told = f"{name}={first(additional, huge)} at <at>: more than {MOST_ADDITIONAL} additional doses are refused."
    collector.mark("D053", "E", name, huge, told, f"Correct {name}, or use SS=1 for a long history of doses.")
    constant = doses & records.constant & (additional > 0)
    told = f"<At>: {name}={first(additional, constant)} on a constant infusion (AMT=0), which ends at its record."
    collector.mark("D058", "E", name, constant, told, f"Set {name}=0, or give the infusion an amount.")
    _invalid(records, "addl", doses & ((additional < 0) | (additional % 1 != 0)), "a whole number, 0 or more", collector)
    _invalid(records, "ss", doses & ~np.isin(records["ss"], (0, 1, 2)), "0, 1 (steady state) or 2 (added to what is there)", collector)
    _invalid(records, "ii", doses & (records["ii"] < 0), "0 or more", collector)
    _invalid(records, "dur", doses & (records["dur"] < 0), "0 or more", collector)


def _invalid(records: Records, role: str, wrong: np.ndarray, allowed: str, collector: Collector) -> None:
    values, name = records[role], records.columns.name(role)
    where = wrong & ~np.isnan(values)
    collector.mark("D058", "E", name, where, f"{name}={first(values, where)} at <at>.", f"{name} is {allowed}.")


def compartments(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D036: a dose into a compartment that the model does not have."""
    if expectation is None or not expectation.compartments or not expectation.has_dosing:
        return
    unknown = np.array([target is None for target in _targets(records, expectation)], dtype=bool)
    where = (records.doses & (unknown | _negative(records))) | (_switched_off(records) & unknown)
    name = records.columns.name("cmt")
    having = ", ".join(f"{number}={title}" for number, title in enumerate(expectation.compartments, 1))
    labels = some(dict.fromkeys(records.compartment[where]))
    message = f"{name}={labels}: no such compartment in the model ({having}), on <n> <row|rows> (<at>)."
    collector.mark("D036", "E", name, where, message, f"Write the model's names or numbers in {name}.")


def supported(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D054: a feature of the data that the model or the method can't honour."""
    if expectation is None:
        return
    doses, rate = _doses(records, expectation), records["rate"]
    found = (
        ("infusion", "rate", doses & ((rate > 0) | (records["dur"] > 0)), "infusions (RATE or DUR above 0)"),
        ("additional", "addl", doses & (records["addl"] > 0), "additional doses (ADDL)"),
        ("steady_state", "ss", doses & (records["ss"] > 0), "steady-state doses (SS)"),
        ("modelled_rate", "rate", doses & (rate == -1), "modelled rates (RATE=-1)"),
        ("modelled_duration", "rate", doses & (rate == -2), "modelled durations (RATE=-2)"),
        ("reset", "evid", np.isin(records.event, (3, 4)), "resets (EVID 3 and 4)"),
        ("censoring", "cens", records.scored & (np.nan_to_num(records["cens"]) != 0), "censored observations (CENS)"),
        ("compartment_off", "cmt", _switched_off(records), "switching compartments off (EVID=2 with a negative CMT)"),
    )
    for feature, role, where, words in found:
        if feature not in expectation.features and where.any():
            message = f"The data have {words} in <n> <row|rows> (<at>); the model or method does not support them."
            collector.mark(
                "D054",
                "E",
                records.columns.name(role),
                where,
                message,
                "Use a model and method that do, or take the rows out with exclude=.",
            )


def switching_off(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D054: a compartment is switched off that can't be cut out of the model, or into which infusions may be running."""
    if expectation is None or not expectation.has_dosing or "compartment_off" not in expectation.features:
        return
    off, into = _switched_off(records), _targets(records, expectation)
    if not off.any():
        return
    name = records.columns.name("cmt")
    known = off & np.array([target is not None for target in into], dtype=bool)
    fixed = known & ~np.isin(into, sorted(expectation.removable))
    having = f"only {some(sorted(expectation.removable))} can" if expectation.removable else "no compartment of this model can"
    told = f"<At>: {some(dict.fromkeys(into[fixed]))} can't be switched off, because other compartments exchange with it; {having}."
    collector.mark("D054", "E", name, fixed, told, "Take the rows out with exclude=, or reset everything with EVID=3.")
    lasting = (np.nan_to_num(records["rate"]) != 0) | (records["dur"] > 0)
    lasting |= np.isin(into, sorted(expectation.rates | expectation.durations)) & _untold(records)
    infused = _doses(records, expectation) & lasting
    both = np.zeros(records.n, dtype=bool)
    for target in set(into[known & ~fixed]):
        both |= known & ~fixed & (into == target) & records.any_by_subject(infused & (into == target))[records.subject]
    told = f"<At>: {some(dict.fromkeys(into[both]))} is switched off in <who>, who <who:has|have> infusions into it: refused together."
    collector.mark("D054", "E", name, both, told, "Take the rows out with exclude=, or end the infusions there by their RATE and AMT.")


CHECKS = (
    switching_off, unused_inputs,
    rate_codes, rate_into_depot, rate_and_duration, intervals, overlap, ignored_on_other_rows, numbers_of_doses, compartments, supported,
)  # fmt: skip
