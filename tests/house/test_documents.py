"""The README and the pages of docs: their examples run, their links lead somewhere, their lists are complete."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from popmix.cli.commands import shell
from popmix.cli.methods import METHODS
from popmix.data import datasets
from popmix.data.catalogue import CODES
from popmix.errors import Status

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SET_UP = ("pip install -e . && popmix demo", "pip install -e '.[test]' && pytest")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page: Path, kind: str) -> list[tuple[int, str]]:
    """Return (line, text) of every fenced block of a kind."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text[: match.start()].count("\n") + 1, match.group(1)) for match in found]


@every_page
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space: dict = {"__name__": "example"}
    for line, text in blocks(page, "python"):
        # blank lines in front, so that a failure shows the line of the page
        exec(compile("\n" * line + text, str(page), "exec"), space)


@every_page
def test_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "theophylline.py", tmp_path)
    shutil.copy(datasets.path("theophylline"), tmp_path)
    for _, text in blocks(page, "console"):
        for command in re.findall(r"^\$ popmix (.*)$", text, re.MULTILINE):
            result = CliRunner().invoke(shell, shlex.split(command))
            assert result.exit_code == 0, f"popmix {command}\n{result.output}"


@every_page
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_the_set_up_is_two_lines():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert all(line in lines for line in SET_UP)
    assert SET_UP[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_finding_is_listed():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    listed = text.split("<!-- codes: begin -->\n")[1].split("<!-- codes: end -->")[0]
    rows = "".join(f"| {code} | {severity} | {words} |\n" for code, (severity, words) in sorted(CODES.items()))
    assert listed == f"| code | | what |\n|---|---|---|\n{rows}"


def test_every_status_is_listed():
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert all(f"| {status.value} | " in text for status in Status)


def test_every_method_is_listed():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in METHODS)


def test_every_command_is_listed():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert all(f"popmix {command.name or command.callback.__name__}" in text for command in shell.registered_commands)
