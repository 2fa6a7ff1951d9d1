"""The reference cases beside the checkout, and what of them this version can compute."""

import csv
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import popmix
from popmix.estimate.marginal import Marginal

FOLDER = Path(__file__).parents[3] / "shared" / "reference"
STAGES = ("foundation", "dynamics", "outcomes", "estimators")
KINDS = {
    "fo": popmix.FO,
    "focei": partial(popmix.FOCE, interaction=True),
    "foce": partial(popmix.FOCE, interaction=False),
    "laplace": popmix.Laplace,
    "agq": popmix.AGQ,
    "imp": partial(popmix.IMP, draws=10_000),
}
# (case, number of the evaluation): subjects whose tool settled in a mode with less likelihood around it than another one has, and by
# how much its 2 l + log det H is higher there; `test_modes_of_the_tool` shows both
ELSEWHERE = {
    ("warfarin_pk_002", 0): {"9": 0.6797},
    ("xpose001_lag_ss_focei", 1): {"505": 12.8894},
}


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
        return [one for one in self.expected["evaluations"] if one["method"] in KINDS]

    def elsewhere(self, which: int) -> dict[str, float]:
        """Subjects whose tool settled in another mode at an evaluation, and by how much their objective is higher there."""
        return ELSEWHERE.get((self.name, which), {})

    def table(self, name: str) -> dict[str, list[str]] | None:
        """Return a CSV table as columns of text, digits as printed; None where the tool printed none."""
        path = self.folder / name
        if not path.is_file():
            return None
        with path.open(newline="") as stream:
            rows = list(csv.reader(stream))
        return dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))


def method_of(item: dict[str, Any]) -> Marginal:
    """Return the method of an evaluation or a fit, with its options."""
    return KINDS[item["method"]](**item.get("options", {}))


def _cases() -> list[Case]:
    found = []
    for path in sorted(FOLDER.glob("*/expected.json")):
        expected = json.loads(path.read_text())
        if expected["stage"] in STAGES:
            found.append(Case(path.parent.name, path.parent, expected))
    return found


CASES = _cases()
_ABSENT = pytest.mark.skip(reason="needs the folder of reference cases beside the checkout")


def case_of(name: str) -> Case:
    """Return a case by name."""
    folder = FOLDER / name
    return Case(name, folder, json.loads((folder / "expected.json").read_text()))


def every(choose=lambda case: [case], label=lambda case, item: case.name, slow: tuple[str, ...] = ()) -> list:
    """Return pytest parameters (case, item) for all items that `choose` finds in a case; one skipped where the folder is absent.

    `slow`: names of cases that are marked as slow.
    """
    if not CASES:
        return [pytest.param(None, None, marks=_ABSENT)]
    marks = {name: pytest.mark.slow for name in slow}
    return [pytest.param(case, item, id=label(case, item), marks=marks.get(case.name, ())) for case in CASES for item in choose(case)]


def half_unit(printed: list[str]) -> np.ndarray:
    """Return half a unit of the last printed digit of every number."""
    return np.array([_half_unit(text) for text in printed])


def _half_unit(text: str) -> float:
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
