"""Two hundred mutated data files: a finding, a sentence or a fit; never a traceback from inside, a hang or a silent zero."""

import csv
import io
import random
import time
import warnings

import numpy as np
import pytest

import popmix
from popmix.app.theophylline import Theophylline
from popmix.data import EventTable, datasets
from popmix.errors import DataError, FitError, PopmixError

# a fit of these data takes 0.1 s
MOST_SECONDS = 10
TEXTS = ("BLQ", "<0.5", "", ".", "NA", "nan", "inf", "-1", "0", "1e300", "12:30", "é", " ", "'", "1,5", "-99", "1e-300")


def original() -> list[list[str]]:
    with datasets.path("theophylline").open(newline="") as stream:
        return list(csv.reader(stream))


def mutated(seed: int) -> str:
    """Return a CSV text with one to six random mutations of cells, rows or columns."""
    chance = random.Random(seed)
    rows = original()
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        row, column = chance.randrange(1, len(rows)), chance.randrange(len(rows[0]))
        kind = chance.choice(
            ("cell", "cell", "cell", "swap cells", "swap rows", "shuffle", "drop row", "double row", "drop cell", "drop column")
        )
        if kind == "cell":
            # one in two hits DV, the column where a silent zero would do most harm
            column = rows[0].index("DV") if "DV" in rows[0] and chance.random() < 0.5 else column
            rows[row][min(column, len(rows[row]) - 1)] = chance.choice(TEXTS)
        elif kind == "swap cells":
            other = chance.randrange(len(rows[row]))
            rows[row][other], rows[row][column % len(rows[row])] = rows[row][column % len(rows[row])], rows[row][other]
        elif kind == "swap rows":
            other = chance.randrange(1, len(rows))
            rows[row], rows[other] = rows[other], rows[row]
        elif kind == "shuffle":
            body = rows[1:]
            chance.shuffle(body)
            rows[1:] = body
        elif kind == "drop row":
            del rows[row]
        elif kind == "double row":
            rows.insert(row, list(rows[row]))
        elif kind == "drop cell" and len(rows[row]) > 1:
            del rows[row][-1]
        elif kind == "drop column" and len(rows[0]) > 1 and chance.random() < 0.3:
            rows = [[cell for k, cell in enumerate(each) if k != column] for each in rows]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def assert_values_are_those_of_the_text(data: EventTable, text: str) -> None:
    """Require that every value that is scored stands in the file, in the row that it is said to come from."""
    rows = list(csv.reader(io.StringIO(text)))
    column = rows[0].index("DV")
    for row, dv in zip(data.row[data.scored], data.dv[data.scored], strict=True):
        cell = rows[row - 1][column]  # the header is row 1
        assert float(cell) == dv, f"row {row}: {cell!r} was read as {dv}"


@pytest.mark.parametrize("block", range(10))
def test_two_hundred_mutated_files(block, tmp_path):
    outcomes = {"fit": 0, "refused": 0}
    for seed in range(20 * block, 20 * block + 20):
        path = tmp_path / f"{seed}.csv"
        text = mutated(seed)
        path.write_text(text, encoding="utf-8")
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = popmix.fit(Theophylline, path, popmix.FOCE(iterations=30))
            except PopmixError as error:
                assert time.perf_counter() - start < MOST_SECONDS, seed
                assert isinstance(error, DataError | FitError) and len(str(error)) > 20, (seed, error)
                outcomes["refused"] += 1
                continue
        outcomes["fit"] += 1
        assert time.perf_counter() - start < MOST_SECONDS, seed
        assert_values_are_those_of_the_text(found.data, text)
        assert np.isfinite(found.ofv), seed
        assert found.n_observations == found.data.n_observations > 0, seed
        assert np.all(np.isfinite(found.predictions_table["DV"])), seed
    assert outcomes["fit"] and outcomes["refused"]
