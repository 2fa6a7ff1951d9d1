"""The records of simulated events, in place of those of the data.

Event and end of follow-up become records (DV 1 and 0), at their own times or, where records tell of intervals, at those of the data.
Records that say that nothing has happened stay as long as the subject is at risk. Covariates between records follow the rule of the data.
"""

from dataclasses import dataclass, replace

import numpy as np

from popmix.data import EventTable
from popmix.data.thickening import preceded, with_observations
from popmix.errors import OptionError
from popmix.likelihood.thick import label_of
from popmix.simulate.events import EventTimes, all_event_times, event_times
from popmix.simulate.follow_up import FollowUp
from popmix.simulate.replicates import Replicates

_POINTS = 400  # of the grid on which hazards are cumulated: the error of a probability falls with its square


@dataclass(frozen=True, eq=False)
class Records:
    """Records of all replicates in one table, subjects of the later ones behind those of the first.

    `replicate`: from 1; `origin`: the record of the data n times, -1 for one that was added; `kept`: those that are there.
    """

    table: EventTable
    replicate: np.ndarray
    origin: np.ndarray
    kept: np.ndarray

    def places(self, rows: np.ndarray, n: int) -> np.ndarray:
        """Return where records of the data stand in each of n replicates [n, rows]."""
        own = np.flatnonzero(self.origin >= 0)
        return own.reshape(n, -1)[:, rows]


def repeated(table: EventTable, n: int) -> Records:
    """Return the records of a data set n times, none dropped."""
    arrays = {name: np.tile(value, n) for name, value in vars(table).items() if isinstance(value, np.ndarray)}
    arrays["subject"] = (np.arange(n)[:, None] * table.n_subjects + table.subject).ravel()
    inside = {name: {key: np.tile(value, n) for key, value in getattr(table, name).items()} for name in ("levels", "covariates")}
    large = replace(table, ids=table.ids * n, **arrays, **inside)
    rows = np.arange(large.n_rows)
    return Records(large, 1 + rows // table.n_rows, rows, np.ones(large.n_rows, dtype=bool))


def with_events(records: Records, simulated: Replicates, name: str, goes_on: bool | None, seed: int, threads: int | None) -> Records:
    """Return records with those of one event simulated.

    goes_on: whether events follow the first (None: as the data show). Raises OptionError where the data show no event and nothing is said.
    """
    more = FollowUp.of(simulated.problem, name).goes_on if goes_on is None else goes_on
    if more is None:
        said = "goes_on=True where subjects are followed after an event, else goes_on=False"
        raise OptionError(f"{name} happens to nobody in the data, which leave open what follows an event: say {said}.")
    draw = all_event_times if more else event_times
    drawn = draw(simulated, name, points=_POINTS, seed=seed, threads=threads)
    ends = drawn.followed.ends + np.zeros((simulated.n, 1))
    stops = ends if more else np.minimum(drawn.censored[..., 0], ends)
    return (_by_interval if drawn.followed.by_interval else _exact)(records, simulated, name, drawn, stops)


def _by_interval(records: Records, simulated: Replicates, name: str, drawn: EventTimes, stops: np.ndarray) -> Records:
    """Return records that tell whether something happened since the one before, until the subject is no longer at risk."""
    followed = drawn.followed
    at = records.places(followed.row, simulated.n)
    dv, kept = records.table.dv.copy(), records.kept.copy()
    dv[at] = np.any(drawn.censored[:, followed.subject] == followed.time[:, None], axis=2)
    kept[at] = followed.time <= stops[:, followed.subject]
    return replace(records, table=replace(records.table, dv=dv), kept=kept)


def _exact(records: Records, simulated: Replicates, name: str, drawn: EventTimes, stops: np.ndarray) -> Records:
    """Return records with an event at each of its times, and one that says that nothing more happened until the end."""
    problem, followed, times = simulated.problem, drawn.followed, drawn.censored
    at = records.places(followed.row, simulated.n)
    # a record of an event that is none any more goes, unless it tells of a covariate that changed, or that risk began at time 0
    stays = ~followed.happened | _changing(problem.data)[followed.subject] | _opening(problem.data, followed)
    kept, dv = records.kept.copy(), records.table.dv.copy()
    kept[at] = stays & (followed.time <= stops[:, followed.subject])
    dv[at] = 0.0
    replicate, subject, _ = np.nonzero(np.isfinite(times))
    closed = np.zeros(stops.shape, dtype=bool)
    closed[:, followed.subject[stays & (followed.time == followed.ends[followed.subject])]] = True
    # who had no event that ends the follow-up, and no record at its end
    open_replicate, open_subject = np.nonzero(~closed & (stops == followed.ends))
    new = {
        "subject": np.concatenate([replicate, open_replicate]) * problem.n_subjects + np.concatenate([subject, open_subject]),
        "time": np.concatenate([times[np.isfinite(times)], stops[open_replicate, open_subject]]),
        "dv": np.repeat([1.0, 0.0], [len(replicate), len(open_replicate)]),
    }
    label = label_of(problem.model, problem.data, name)
    return _inserted(replace(records, table=replace(records.table, dv=dv), kept=kept), followed.begins, label, **new)


def _opening(table: EventTable, followed: FollowUp) -> np.ndarray:
    """Return which records of an event are the first of their subjects with those of something else behind them."""
    others = np.bincount(table.subject) > np.bincount(followed.subject, minlength=table.n_subjects)
    return (followed.row == table.starts[followed.subject]) & others[followed.subject]


def _changing(table: EventTable) -> np.ndarray:
    """Return which subjects have covariates, occasions or levels that change between their records."""
    first = table.starts[table.subject]
    own = [*table.covariates.values(), *table.levels.values(), *([] if table.occasion is None else [table.occasion])]
    changes = np.zeros(table.n_rows, dtype=bool)
    for values in own:
        changes |= values != values[first]
    return np.bincount(table.subject, weights=changes, minlength=table.n_subjects) > 0


def _inserted(records: Records, begins: np.ndarray, label: str, subject: np.ndarray, time: np.ndarray, dv: np.ndarray) -> Records:
    """Return records with observations added at times of subjects (in the large table), also in front of their first record."""
    table = records.table
    first = table.starts[:-1]
    own = np.tile(begins, table.n_subjects // len(begins))
    late = first[own < table.time[first]]
    table = preceded(table, late, own[table.subject[late]])
    replicate, origin, kept = (
        np.insert(values, late, filling)
        for values, filling in ((records.replicate, records.replicate[late]), (records.origin, -1), (records.kept, False))
    )
    order = np.lexsort((time, subject))
    subject, time, dv = subject[order], time[order], dv[order]
    # behind the last record that is not later
    is_new = np.repeat([False, True], [table.n_rows, len(time)])
    merged = np.lexsort((is_new, np.concatenate([table.time, time]), np.concatenate([table.subject, subject])))
    after = (np.cumsum(~is_new[merged]) - 1)[is_new[merged]]
    table, _ = with_observations(table, after, time, np.full(len(time), label, dtype=object), dv)
    replicate, origin, kept = (
        np.insert(values, after + 1, filling) for values, filling in ((replicate, replicate[after]), (origin, -1), (kept, True))
    )
    return Records(table, replicate, origin, kept)
