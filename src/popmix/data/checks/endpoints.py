"""Checks of endpoints: DVID labels against the model, and values that a kind of error can't have."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, some
from popmix.data.records import Records


def labels_known(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D036: an observation of an endpoint that the model does not have, or of none."""
    if expectation is None or not expectation.endpoints or not records.columns.has("dvid"):
        return
    known = {text: expectation.endpoint_of(text) for text in set(records.endpoint)}
    if len(expectation.endpoints) == 1 and None in expectation.endpoints.values():
        _one_for_several(records, expectation, collector)
        return
    name = records.columns.name("dvid")
    empty = records.scored & np.array([text == "" for text in records.endpoint], dtype=bool)
    unknown = records.scored & np.array([text != "" and known[text] is None for text in records.endpoint], dtype=bool)
    having = ", ".join(f"{title}={title if given is None else given}" for title, given in expectation.endpoints.items())
    labels = some(dict.fromkeys(records.endpoint[unknown]))
    told = f"{name}={labels} has no endpoint in the model (endpoints: {having}), in <n> <row|rows> (<at>)."
    collector.mark("D036", "E", name, unknown, told, f"Set dvid= in the model, relabel {name}, or exclude the rows.")
    told = f"{name} is empty on <n> <observation row|observation rows> (<at>); the endpoints are {having}."
    collector.mark("D036", "E", name, empty, told, f"Fill in {name}, or set MDV=1.")
    used = {known[text] for text in set(records.endpoint)}
    for title in expectation.endpoints:
        if title not in used:
            collector.add("D037", "W", name, f"Endpoint {title!r} has no observation.", f"Check {name} and the model's dvid=.")


def _one_for_several(records: Records, expectation: Expectation, collector: Collector) -> None:
    present = sorted({text for text in records.endpoint[records.scored] if text})
    if len(present) < 2:
        return
    name = records.columns.name("dvid")
    title = next(iter(expectation.endpoints))
    message = f"The data hold {len(present)} endpoints ({name} {some(present)}), the model 1: all are taken for {title!r}."
    fix = f"Give the model {len(present)} observations with dvid=, or exclude the rows of the others."
    others = np.array([text not in ("", present[0]) for text in records.endpoint], dtype=bool)
    collector.mark("D037", "W", name, records.scored & others, message, fix)


def impossible_values(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D041: values of 0 or below under a log or purely proportional error."""
    if expectation is None or not (expectation.log_endpoints or expectation.proportional):
        return
    title = records.columns.name("dv")
    low = records.scored & (records["dv"] <= 0) & (np.nan_to_num(records["cens"]) == 0)
    if not low.any():
        return
    of = {text: expectation.endpoint_of(text) for text in set(records.endpoint)}
    endpoint = np.array([of[text] or "" for text in records.endpoint], dtype=object)
    for names, severity, reason in (
        (expectation.log_endpoints, "E", "the logarithm of DV does not exist"),
        (expectation.proportional - expectation.log_endpoints, "W", "a proportional error has variance 0 where the prediction is 0"),
    ):
        where = low & np.isin(endpoint, list(names)) & np.array([not _limited(name, expectation) for name in endpoint], dtype=bool)
        told = f"{title} is 0 or negative in <n> <row|rows> (<at>): {reason}."
        collector.mark(
            "D041", severity, title, where, told, "Exclude them (before the first dose?), flag them by CENS, or add an additive error."
        )


def _limited(endpoint: str, expectation: Expectation) -> bool:
    """Values below a limit of quantification count as censored, so nothing is lost by their being 0."""
    return endpoint in expectation.lloq


CHECKS = (labels_known, impossible_values)
