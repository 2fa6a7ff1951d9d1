"""Planted mistakes: each file of `mistakes/` is refused with the message kept beside it, as a golden file.

To renew the golden files after a deliberate change of words: `POPMIX_RENEW=1 pytest tests/model/test_mistakes.py`, then read them all.
"""

import os
from pathlib import Path

import pytest

from popmix.errors import ModelError
from popmix.model import load

CASES = sorted((Path(__file__).parent / "mistakes").glob("*.py"))


def message_of(case: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(case)
    return str(caught.value).replace(os.path.relpath(case), case.name).replace(str(case), case.name) + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_message(case: Path) -> None:
    message, golden = message_of(case), case.with_suffix(".txt")
    if os.environ.get("POPMIX_RENEW"):
        golden.write_text(message, encoding="utf-8")
    assert message == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_message_has_file_line_caret_and_words(case: Path) -> None:
    message = message_of(case)
    assert f"{case.name}, line " in message
    assert "^" in message


def test_there_are_thirty() -> None:
    assert len(CASES) >= 30
