"""Checks of event codes: EVID and MDV against AMT and DV."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, first
from popmix.data.records import Records

_EXTENSIONS = {5: "replace", 6: "multiply"}
_ALLOWED = "Allowed: 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose."


def event_codes(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D017: EVID is none of the codes, or empty."""
    name, given = records.columns.name("evid"), records["evid"]
    if not records.columns.has("evid"):
        return
    features = expectation.features if expectation else frozenset()
    allowed = [0, 1, 2, 3, 4, *(code for code, feature in _EXTENSIONS.items() if feature in features)]
    empty = np.isnan(given) & records.ok("evid")
    wrong = ~np.isin(given, allowed) & ~empty & records.ok("evid")

    extension = " (5 and 6 are extensions of rxode2.)" if np.isin(given[wrong], (5, 6)).any() else ""
    message = f"{name}={first(given, wrong)} at <at>. {_ALLOWED}{extension}"
    collector.mark("D017", "E", name, wrong, message, "Correct the codes.")
    message_empty = f"{name} is empty in <at>; these are doses where AMT is other than 0, observations elsewhere."
    collector.mark("D017", "W", name, empty, message_empty, f"Fill in {name}.")


def amount_on_observation(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D018: an observation row with an amount."""
    amount = records["amt"]
    where = (records.event == 0) & (np.nan_to_num(amount) != 0)
    name, evid = records.columns.name("amt"), records.columns.name("evid")
    message = f"<At>: {name}={first(amount, where)} on <an observation|observations> ({evid}=0)."
    collector.mark("D018", "E", name, where, message, f"Make it {evid}=1, or set {name}=0.")


def dose_without_amount(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D019: a dose of nothing. D024: doses without any column of amounts. D056: a negative amount."""
    if expectation and not expectation.has_dosing:
        return
    amount, name = records["amt"], records.columns.name("amt")
    doses = np.isin(records.event, (1, 4)) & records.ok("amt")
    if doses.any() and not records.columns.has("amt"):
        _no_amounts(records, doses, collector)
        return
    empty = doses & ~records.constant & (np.nan_to_num(amount) == 0)

    message = f"<n> <dose row has|dose rows have> {name} 0 or empty (<who>; <at>)."
    collector.mark("D019", "E", name, empty, message, "Placebo? Use EVID=2, or drop the rows.")
    lacking = np.isin(records.event, (5, 6)) & records.ok("amt") & np.isnan(amount)
    told = f"{name} is empty on <n> <row|rows> that <replaces or multiplies|replace or multiply> an amount (<at>)."
    collector.mark("D019", "E", name, lacking, told, "Give the new amount (EVID=5) or the factor (EVID=6).")
    negative = f"{name} is negative on <n> <dose row|dose rows> (<at>)."
    collector.mark("D056", "E", name, doses & (amount < 0), negative, "Give amounts above 0.")


def _no_amounts(records: Records, doses: np.ndarray, collector: Collector) -> None:
    names = {name.upper(): name for name in records.raw.names}
    near = next((names[name] for name in ("DOSE", "AMOUNT", "AMTMG", "DOSEAMT") if name in names), None)
    hint = f" Did you mean columns={{'amt': {near!r}}}?" if near else ""
    message = f"<n> <row|rows> with EVID 1 or 4 (<at>) but no column of amounts: every dose would be 0.{hint}"
    collector.mark("D024", "E", "AMT", doses, message, "Name the column AMT, or map it with columns=.")


def missing_flag(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D022: MDV is no flag, or says that a dose is scored. D023: an observed value is set aside by MDV."""
    if not records.columns.has("mdv"):
        return
    name, flag = records.columns.name("mdv"), records["mdv"]
    wrong = ~np.isin(flag, (0, 1)) & ~np.isnan(flag) & records.ok("mdv")
    collector.mark("D022", "E", name, wrong, f"{name}={first(flag, wrong)} at <at>.", f"{name} is 0 (scored) or 1 (not scored).")
    scored_dose = np.isin(records.event, (1, 4)) & (flag == 0)
    told = f"<At>: {name}=0 on <a dose row|dose rows>."
    collector.mark("D022", "E", name, scored_dose, told, f"Set {name}=1 on dose rows, and give observations rows of their own.")
    aside = (records.event == 0) & (flag == 1) & (np.nan_to_num(records["dv"]) != 0)
    unused = f"<n> <observed value|observed values> <has|have> {name}=1 and will not be used (<at>)."
    collector.mark("D023", "W", name, aside, unused, f"Set {name}=0 to use them.")


def doses_without_model(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D057: dose rows for a model that takes no doses."""
    if expectation is None or expectation.has_dosing:
        return
    message = "The model takes no doses: <n> <dose row|dose rows> (<at>) <has|have> no effect."
    collector.mark("D057", "W", records.columns.name("amt"), records.doses, message, "Nothing to do when this is meant.")


CHECKS = (event_codes, amount_on_observation, dose_without_amount, missing_flag, doses_without_model)
