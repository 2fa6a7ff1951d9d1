"""`popmix library` as a person meets it."""

import json

import pytest
from typer.testing import CliRunner

from popmix.cli.commands import shell

OK, USAGE = 0, 2


def run(*words: str):
    return CliRunner().invoke(shell, ["library", *words])


def test_all_are_listed():
    result = run()
    assert (result.exit_code, result.stderr) == (OK, "")
    assert "  TMDDQuasiSteadyState" in result.stdout
    assert "  transit_profile" in result.stdout


def test_one_is_shown():
    result = run("IndirectResponse")
    assert (result.exit_code, result.stderr) == (OK, "")
    for words in ("IndirectResponse: indirect response", "response' = kin (1 + H) - kout response", "  .response", "1993;21:457-478"):
        assert words in result.stdout


@pytest.mark.parametrize("words", [(), ("TMDD",)])
def test_the_machine_form(words):
    document = json.loads(run(*words, "--json").stdout)
    assert document.get("name") == (words[0] if words else None)


def test_an_unknown_name_is_a_mistake_of_usage():
    result = run("TMMD")
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert result.stderr == "popmix: the library has no TMMD: did you mean TMDD?\n"
