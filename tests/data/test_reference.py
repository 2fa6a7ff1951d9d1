"""Published data sets: they read without an error, and ordinary ones without a warning."""

import time
from pathlib import Path

import pytest

from popmix.data import check, read

SHARED = Path(__file__).parents[3] / "shared"
FILES = sorted([*SHARED.glob("reference/*/data.csv"), *SHARED.glob("reference/heldout/*.csv"), *SHARED.glob("bench/*.csv")])
# real data sets with something to say: double observations, a subject without dose, a value lost, overlapping infusions
TOLD = {"D021", "D025", "D026", "D033", "D034", "D048"}


@pytest.mark.skipif(not FILES, reason="needs the folder of reference cases beside the checkout")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_reads_without_an_error(path):
    findings = check(path)
    assert not findings.errors, str(findings)
    assert {item.code for item in findings.warnings} <= TOLD


@pytest.mark.skipif(not FILES, reason="needs the folder of reference cases beside the checkout")
def test_nine_thousand_records_are_read_column_by_column():
    """In one run, a few times what it takes to split the lines and turn the cells into numbers (2 to 4 times here)."""
    path, took, least = SHARED / "bench" / "sim_oral1_1000.csv", [], []
    for _ in range(3):
        started = time.perf_counter()
        read(path)
        took.append(time.perf_counter() - started)
        started = time.perf_counter()
        for line in path.read_text().splitlines()[1:]:
            for cell in line.split(","):
                if cell != ".":
                    float(cell)
        least.append(time.perf_counter() - started)
    assert min(took) < 20 * min(least), (took, least)
