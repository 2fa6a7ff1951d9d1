"""The reference cases beside the checkout, and what of them this version can compute."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_models import METHODS

FOLDER = Path(__file__).parents[3] / "shared" / "reference"
# cases of later stages whose models and methods work already
EARLY = ("pheno_focei_imp", "ferx_warfarin10_foce_nointer")


@dataclass(frozen=True)
class Case:
    """One folder: model, data and the numbers of another program."""

    name: str
    folder: Path
    expected: dict[str, Any]

    @property
    def model(self) -> Path:
        return self.folder / "model.py"

    @property
    def data(self) -> Path:
        return self.folder / "data.csv"

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """The evaluations by a method that exists."""
        return [one for one in self.expected["evaluations"] if one["method"] in METHODS]

    def table(self, name: str) -> dict[str, list[str]] | None:
        """Return a CSV table as columns of text, digits as printed; None where the tool printed none."""
        path = self.folder / name
        if not path.is_file():
            return None
        with path.open(newline="") as stream:
            rows = list(csv.reader(stream))
        return dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))


def _cases() -> list[Case]:
    found = []
    for path in sorted(FOLDER.glob("*/expected.json")):
        expected = json.loads(path.read_text())
        if expected["stage"] == "foundation" or path.parent.name in EARLY:
            found.append(Case(path.parent.name, path.parent, expected))
    return found


CASES = _cases()
_ABSENT = pytest.mark.skip(reason="needs the folder of reference cases beside the checkout")


def case_of(name: str) -> Case:
    """Return a case by name."""
    folder = FOLDER / name
    return Case(name, folder, json.loads((folder / "expected.json").read_text()))


def every(choose=lambda case: [case], label=lambda case, item: case.name) -> list:
    """Return pytest parameters (case, item) for all items that `choose` finds in a case; one skipped where the folder is absent."""
    if not CASES:
        return [pytest.param(None, None, marks=_ABSENT)]
    return [pytest.param(case, item, id=label(case, item)) for case in CASES for item in choose(case)]


def half_unit(printed: list[str]) -> np.ndarray:
    """Return half a unit of the last printed digit of every number."""
    return np.array([_half_unit(text) for text in printed])


def _half_unit(text: str) -> float:
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
