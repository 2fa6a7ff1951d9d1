"""One history of doses told in several ways."""

import numpy as np
import polars as pl
import pytest
from closed_form import amounts, mammillary
from shared_models import every_method
from worlds import WORLDS, frame

import popmix
from popmix import *

BOLUS, INFUSION, ORAL = WORLDS["bolus"], WORLDS["infusion"], WORLDS["oral"]
# sums of exponentials against each other: a few hundred roundings of the largest term
EXACT = 1e-10


def rows_of(world) -> list[dict]:
    return world.data.to_dicts()


def same(world, variants: list[pl.DataFrame], method) -> None:
    """Require the same objective and modes for all variants of a world's data."""
    reference = popmix.evaluate(world.model, world.data, method)
    for number, variant in enumerate(variants):
        found = popmix.evaluate(world.model, variant, method)
        assert found.n_observations == reference.n_observations
        assert found.individuals_table["OFV"] == pytest.approx(reference.individuals_table["OFV"], abs=1e-9), f"variant {number}"


@every_method
def test_evid_and_mdv_say_the_same(method):
    rows = rows_of(BOLUS)
    bare = [{"ID": r["ID"], "TIME": r["TIME"], "AMT": r["AMT"], "DV": r["DV"]} for r in rows]
    mdv = [b | {"MDV": 1 if r["EVID"] else 0} for b, r in zip(bare, rows, strict=True)]
    both = [b | {"MDV": 1 if r["EVID"] else 0, "EVID": r["EVID"]} for b, r in zip(bare, rows, strict=True)]
    zero_amounts = [
        b | {"AMT": b["AMT"] or 0.0, "DV": b["DV"] or 0.0, "MDV": m["MDV"], "EVID": m["EVID"]} for b, m in zip(bare, both, strict=True)
    ]
    same(BOLUS, [frame(each) for each in (bare, mdv, both, zero_amounts)], method)


@every_method
def test_records_that_are_no_observations_change_nothing(method):
    """Other events (EVID 2) and observations with MDV = 1, at, between and after the others."""
    more = []
    for row in rows_of(BOLUS):
        more.append(row | {"MDV": row["EVID"]})
        more.append({"ID": row["ID"], "TIME": row["TIME"], "EVID": 2, "MDV": 1})
        more.append({"ID": row["ID"], "TIME": row["TIME"], "EVID": 0, "MDV": 1, "DV": 77.0})
    same(BOLUS, [frame(more)], method)


@every_method
def test_additional_doses_are_doses(method):
    explicit = []
    for row in rows_of(ORAL):
        if not row["EVID"]:
            explicit.append(row)
            continue
        for k in range(int(row["ADDL"]) + 1):
            explicit.append({key: row[key] for key in ("ID", "AMT", "EVID", "WT")} | {"TIME": row["TIME"] + k * row["II"]})
    explicit.sort(key=lambda row: (row["ID"], row["TIME"]))
    same(ORAL, [frame(explicit)], method)


@every_method
def test_additional_doses_after_the_last_record_do_not_matter(method):
    later = ORAL.data.with_columns(ADDL=pl.when(pl.col("EVID") == 1).then(2).otherwise(None))
    same(ORAL, [later], method)
    cut = ORAL.data.filter(pl.col("TIME") < 20)
    few, many = (cut.with_columns(ADDL=pl.when(pl.col("EVID") == 1).then(n).otherwise(None)) for n in (1, 400))
    one, other = (popmix.evaluate(ORAL.model, data, method) for data in (few, many))
    assert one.ofv == other.ofv


@every_method
def test_a_rate_is_an_amount_per_duration(method):
    rows = rows_of(INFUSION)
    durations = [{key: value for key, value in row.items() if key != "RATE"} for row in rows]
    for row, new in zip(rows, durations, strict=True):
        if row["EVID"]:
            new["DUR"] = row["AMT"] / row["RATE"]
    same(INFUSION, [frame(durations)], method)


@every_method
def test_an_infusion_is_the_sum_of_its_parts(method):
    """Two infusions into the same place over the same time, or one after the other, are one."""
    split, halves = [], []
    for row in rows_of(INFUSION):
        if not row["EVID"]:
            split.append(row), halves.append(row)
            continue
        split += [row | {"AMT": row["AMT"] * share, "RATE": row["RATE"] * share} for share in (0.3, 0.7)]
        middle = row["TIME"] + 0.5 * row["AMT"] / row["RATE"]
        halves += [row | {"AMT": row["AMT"] / 2}, row | {"AMT": row["AMT"] / 2, "TIME": middle}]
    halves.sort(key=lambda row: (row["ID"], row["TIME"]))
    same(INFUSION, [frame(split), frame(halves)], method)


def test_a_short_infusion_is_nearly_a_bolus():
    """The error of replacing a bolus by an infusion over d, from d / 2 too early on, is of order (k d)^2 at later times."""
    predictions = []
    for duration in (None, 0.01, 0.02):
        dose = {"ID": 1, "TIME": 0.0 if duration is None else -duration / 2, "AMT": 100.0, "EVID": 1}
        dose |= {} if duration is None else {"DUR": duration}
        rows = [dose, *({"ID": 1, "TIME": t, "DV": 5.0, "EVID": 0} for t in (1.0, 4.0))]
        predictions.append(popmix.evaluate(BOLUS.model, frame(rows)).predictions_table["PRED"])
    coarse, fine = (np.abs(each - predictions[0]) for each in (predictions[2], predictions[1]))
    assert np.all(fine < 1e-5 * predictions[0]) and coarse / fine == pytest.approx([4.0, 4.0], rel=1e-2)


class Pooled(Model):
    """No random effects: what happens to predictions is all there is."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    tvKa = Theta(0.9, lower=0)
    pk = OneCompartment(cl=tvCL, v=tvV, ka=tvKa)
    DV = Observation(pk.concentration, additive=0.5)


FIRST = [(0.0, 100.0), (10.0, 40.0)]
LATER = [(0.0, 60.0), (6.0, 30.0)]
TIMES = (1.0, 8.0, 11.0, 16.0)


def period(doses, subject: int, shift: float, first: int = 1) -> list[dict]:
    rows = [{"ID": subject, "TIME": t + shift, "AMT": a, "EVID": 1} for t, a in doses]
    rows[0]["EVID"] = first
    rows += [{"ID": subject, "TIME": t + shift, "DV": 2.0 + 0.1 * t, "EVID": 0} for t in TIMES]
    return sorted(rows, key=lambda row: row["TIME"])


@every_method
@pytest.mark.parametrize("shift", [20.0, 0.0], ids=["time goes on", "time restarts"])
def test_a_reset_with_a_dose_starts_a_new_life(method, shift):
    """EVID 4 makes of one subject what without random effects are two; EVID 3 followed by a dose is the same."""
    apart = frame(period(FIRST, 1, 0.0) + period(LATER, 2, 0.0))
    together = frame(period(FIRST, 1, 0.0) + period(LATER, 1, shift, first=4))
    reset = {"ID": 1, "TIME": shift, "EVID": 3}
    two_records = frame([*period(FIRST, 1, 0.0), reset, *period(LATER, 1, shift)])
    expected = popmix.evaluate(Pooled, apart, method)
    for data in (together, two_records):
        found = popmix.evaluate(Pooled, data, method)
        assert found.predictions_table["PRED"] == pytest.approx(expected.predictions_table["PRED"], rel=EXACT)
        assert found.ofv == pytest.approx(expected.ofv, rel=EXACT)


@every_method
def test_a_reset_stops_infusions_and_additional_doses(method):
    running = [
        {"ID": 1, "TIME": 0.0, "AMT": 100.0, "DUR": 50.0, "EVID": 1},
        {"ID": 1, "TIME": 1.0, "AMT": 50.0, "ADDL": 10, "II": 4.0, "EVID": 1},
        {"ID": 1, "TIME": 6.0, "DV": 3.0, "EVID": 0},
        {"ID": 1, "TIME": 10.0, "EVID": 3},
        {"ID": 1, "TIME": 12.0, "DV": 1.0, "EVID": 0},
        {"ID": 1, "TIME": 14.0, "AMT": 80.0, "EVID": 1},
        {"ID": 1, "TIME": 16.0, "DV": 3.0, "EVID": 0},
    ]
    found = popmix.evaluate(Pooled, frame(running), method).predictions_table["PRED"]
    assert found[0] > 0 and found[1] == 0.0
    fresh = [{"ID": 1, "TIME": 0.0, "AMT": 80.0, "EVID": 1}, {"ID": 1, "TIME": 2.0, "DV": 3.0, "EVID": 0}]
    assert found[2] == pytest.approx(popmix.evaluate(Pooled, frame(fresh), method).predictions_table["PRED"][0], rel=EXACT)


def test_records_at_one_time_follow_the_file():
    """An observation before its dose sees the trough, one after it the peak."""
    before = [{"ID": 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1}, {"ID": 1, "TIME": 8.0, "DV": 3.0, "EVID": 0}]
    after = {"ID": 1, "TIME": 8.0, "DV": 12.0, "EVID": 0}
    dose = {"ID": 1, "TIME": 8.0, "AMT": 100.0, "EVID": 1}
    found = popmix.evaluate(BOLUS.model, frame([*before, dose, after])).predictions_table["PRED"]
    assert found[1] - found[0] == pytest.approx(100 / 9.0, rel=EXACT)


def test_a_lag_longer_than_the_study_is_no_dose():
    doses = [{"ID": one, "TIME": time, "AMT": 100.0, "EVID": 1, "WT": 70.0} for one, time in ((1, 0.0), (2, -2.0))]
    rows = [row for dose in doses for row in (dose, {"ID": dose["ID"], "TIME": 5.0, "DV": 0.3, "EVID": 0, "WT": 70.0})]
    found = popmix.evaluate(ORAL.model, frame(rows), at={"lag": 6.0})
    assert found.predictions_table["PRED"][0] == 0.0 < found.predictions_table["PRED"][1]


class Routes(Model):
    """Oral with lag and bioavailability, and a second route into the centre with its own."""

    tvCL = Theta(1.7)
    lag = Theta(0.8)
    pk = OneCompartment(cl=tvCL, v=8.0, ka=0.7, lag=lag, f=0.6)
    other = Dose(pk.central, lag=0.3, f=0.5)
    DV = Observation(pk.concentration, additive=1.0)


def test_lag_and_bioavailability_move_and_scale_each_route():
    """An infusion of given RATE keeps its rate, so that its duration is scaled by f, as in NONMEM."""
    history = [(0.0, 0, 100.0, 0.0), (2.0, 1, 40.0, 0.0), (6.0, 0, 50.0, 0.0), (6.5, 1, 30.0, 3.0)]
    times = np.array([0.5, 0.9, 2.2, 2.5, 6.4, 7.0, 8.5, 14.0])
    rows = [{"ID": 1, "TIME": t, "AMT": a, "RATE": a / d if d else None, "CMT": c + 1, "EVID": 1} for t, c, a, d in history]
    rows += [{"ID": 1, "TIME": float(t), "DV": 1.0, "EVID": 0} for t in times]
    rows.sort(key=lambda row: row["TIME"])
    found = popmix.evaluate(Routes, frame(rows)).predictions_table["PRED"]
    lags, shares = (0.8, 0.3), (0.6, 0.5)
    moved = [(t + lags[c], c, a * shares[c], d * shares[c]) for t, c, a, d in history]
    expected = amounts(mammillary(1.7, 8.0, ka=0.7), moved, times)[:, 1] / 8.0
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)
