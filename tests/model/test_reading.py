"""Models from files and texts."""

from pathlib import Path

import pytest

from popmix.errors import ModelError
from popmix.model import load, read

SMALL = "from popmix import *\n\n\nclass {name}(Model):\n    a = Theta(1.0)\n    DV = Observation(a, additive=1)\n"


def write_file(folder: Path, text: str, name: str = "case.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_one_of_several(tmp_path: Path) -> None:
    path = write_file(tmp_path, SMALL.format(name="One") + SMALL.format(name="Two") + "Three = Two.fix('a')\n")
    assert load(path, "Two").name == "Two"
    assert load(f"{path}:Three").thetas["a"].fixed
    with pytest.raises(ModelError, match="3 models, One, Two and Three"):
        load(path)
    with pytest.raises(ModelError, match=r"did you mean Two\?"):
        load(f"{path}:Tow")


def test_no_model_and_no_file(tmp_path: Path) -> None:
    path = write_file(tmp_path, "x = 1\n")
    with pytest.raises(ModelError, match="holds no model"):
        load(path)
    with pytest.raises(ModelError, match=r"there is no file .*did you mean case.py\?"):
        load(tmp_path / "cases.py")


def test_a_file_that_fails(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"case.py, line 2[\s\S]*1 / 0[\s\S]*ZeroDivisionError"):
        load(write_file(tmp_path, "x = 1\ny = 1 / 0\n"))
    with pytest.raises(ModelError, match=r"not valid Python[\s\S]*line 1[\s\S]*\^"):
        load(write_file(tmp_path, "class Model(:\n"))
    with pytest.raises(ModelError, match="SystemExit"):
        load(write_file(tmp_path, "raise SystemExit(3)\n"))


def test_neighbours_can_be_imported(tmp_path: Path) -> None:
    write_file(tmp_path, "START = 4.0\n", "neighbour_of_case.py")
    text = "from neighbour_of_case import START\n" + SMALL.format(name="Uses").replace("1.0", "START")
    assert load(write_file(tmp_path, text)).thetas["a"].start == 4.0


def test_messages_show_the_lines_of_a_text() -> None:
    with pytest.raises(ModelError, match=r"b = Thetta\(1\)\n.*\^\^\^\^\^\^"):
        read(SMALL.format(name="Text") + "    b = Thetta(1)\n")


def test_messages_show_the_lines_of_a_file_as_it_is_now(tmp_path):
    """In a session that stays open the file is corrected, and loaded again with another mistake."""
    file = tmp_path / "model.py"
    for wrong in ("first_slip", "another_slip"):
        file.write_text(f"from popmix import *\n\n\nclass M(Model):\n    a = Theta(1)\n    DV = Observation(a * {wrong}, additive=1)\n")
        with pytest.raises(ModelError, match=rf"6 \|     DV = Observation\(a \* {wrong}, additive=1\)"):
            load(file)
