"""The commands as a person meets them: what they call, what they print where, and their exit codes."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import popmix
from popmix import app
from popmix.app.files import Fitted
from popmix.cli.commands import shell
from popmix.errors import FitError, Interrupted, ModelError

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


@pytest.fixture
def run(monkeypatch, make_fit):
    """Run the command line with functions of the app replaced by fakes; `calls` remembers their arguments."""
    calls = []

    def fake(name, answer):
        def call(*arguments):
            calls.append((name, *arguments))
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(app, name, call)

    def run(*words, **answers):
        for name, answer in {"fit_file": Fitted(make_fit()), "evaluate_file": Fitted(make_fit()), "demo": make_fit()}.items():
            fake(name, answers.get(name, answer))
        for name in answers.keys() - {"fit_file", "evaluate_file", "demo"}:
            fake(name, answers[name])
        return CliRunner().invoke(shell, [str(word) for word in words])

    run.calls = calls
    return run


def test_fit_prints_the_fit(run):
    result = run("fit", "m.py", "d.csv")
    assert (result.exit_code, result.stdout, result.stderr) == (OK, "a fake fit\n", "")
    name, model, data, method, request = run.calls[0]
    assert (name, model, data, method) == ("fit_file", "m.py", "d.csv", None)
    assert (request.out, request.overwrite, request.seed, request.threads) == (None, False, None, None)


def test_fit_hands_over_its_options(run, tmp_path):
    result = run("fit", "m.py:A", "d.csv", "--method", "foce", "--out", tmp_path / "r", "--overwrite", "--seed", 3, "--jobs", 2)
    _, model, _, method, request = run.calls[0]
    assert result.exit_code == OK
    assert (model, method.interaction) == ("m.py:A", False)
    assert (request.out, request.overwrite, request.seed, request.threads) == (tmp_path / "r", True, 3, 2)
    assert str(tmp_path / "r") in result.stderr and "Run folder" not in result.stdout


def test_json_is_all_that_is_on_stdout(run):
    document = json.loads(run("fit", "m.py", "d.csv", "--json").stdout)
    assert document["method"] == "focei" and document["n_subjects"] == 12


def test_evaluate_reads_values(run, tmp_path):
    values = tmp_path / "values.json"
    values.write_text('{"tvCL": 0.05}')
    assert run("evaluate", "m.py", "d.csv", "--at", values).exit_code == OK
    assert run.calls[0][4] == {"tvCL": 0.05}


def test_evaluate_reads_the_estimates_of_a_run_folder(run, tmp_path):
    (tmp_path / "fit.json").write_text('{"ofv": 1, "estimates": {"tvCL": {"value": 0.06, "se": null}}}')
    run("evaluate", "m.py", "d.csv", "--at", tmp_path / "fit.json")
    assert run.calls[0][4] == {"tvCL": 0.06}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[1]", "one object"),
        ('{"tvCL": "much"}', "tvCL"),
        ('{"tvCL": null, "tvV": true}', "tvCL, tvV"),
        (None, "No such file"),
    ],
)
def test_values_that_are_none_are_refused(run, tmp_path, text, words):
    path = tmp_path / "values.json"
    if text is not None:
        path.write_text(text)
    result = run("evaluate", "m.py", "d.csv", "--at", path)
    assert result.exit_code == FAILED and words in result.stderr and not run.calls


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--method", "foceii"], USAGE, "Did you mean 'focei'? Methods: fo, focei, foce, laplace, agq, saem, imp, impmap or nuts."),
        (["--method", "Saem"], USAGE, "Did you mean 'saem'?"),
        (["--option", "order"], USAGE, "NAME=VALUE"),
        (["--option", "interaction=true"], USAGE, "no option 'interaction'"),
        (["--covariance", "sandwhich"], USAGE, "Did you mean 'sandwich'?"),
        (["--jobs", "0"], USAGE, "at least 1"),
        (["--jobs", "many"], USAGE, "--jobs"),
        (["--colour"], USAGE, "colour"),
    ],
)
def test_words_that_cant_be_used(run, words, code, told):
    result = run("fit", "m.py", "d.csv", *words)
    assert result.exit_code == code
    assert told in result.stderr and result.stdout == "" and not run.calls


def test_an_expected_error_is_its_message(run):
    result = run("fit", "m.py", "d.csv", fit_file=ModelError("m.py, line 3\n  a mistake"))
    assert (result.exit_code, result.stdout, result.stderr) == (FAILED, "", "popmix: m.py, line 3\n  a mistake\n")


def test_an_expected_error_shows_its_place_when_told(run):
    result = run("fit", "m.py", "d.csv", "--traceback", fit_file=FitError("no"))
    assert result.exit_code == FAILED and "Traceback" in result.stderr


def test_an_unexpected_error_asks_for_a_report(run):
    result = run("fit", "m.py", "d.csv", fit_file=ZeroDivisionError("oh"))
    assert result.exit_code == FAILED and result.stdout == ""
    assert "ZeroDivisionError: oh" in result.stderr and "popmix doctor" in result.stderr and "--traceback" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("fit", "m.py", "d.csv", "--traceback", fit_file=ZeroDivisionError("oh")).stderr


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), Interrupted("Interrupted after 3 iterations.")])
def test_an_interruption_is_130(run, interruption):
    result = run("fit", "m.py", "d.csv", fit_file=interruption)
    assert result.exit_code == INTERRUPTED and "Interrupted" in result.stderr


def test_check_is_1_when_something_is_wrong(run):
    good = SimpleNamespace(ok=True, verdict="fine.", document=lambda: {"ok": True})
    bad = SimpleNamespace(ok=False, verdict="D003 is in the way.", document=lambda: {"ok": False})
    assert run("check", "m.py", check=good).exit_code == OK
    assert run.calls == [("check", "m.py", None, None)]
    result = run("check", "m.py", "d.csv", "--json", check=bad)
    assert result.exit_code == FAILED and json.loads(result.stdout) == {"ok": False} and "D003" in result.stderr


def test_demo_says_what_next(run):
    result = run("demo")
    assert result.exit_code == OK and "a fake fit" in result.stdout and "What next" in result.stdout


def test_doctor_is_1_when_it_finds_trouble(run):
    ill = SimpleNamespace(ok=False, verdict="the known objective is wrong.", document=lambda: {})
    result = run("doctor", doctor=ill)
    assert result.exit_code == FAILED and "wrong" in result.stderr


def test_no_command_is_a_usage_error_and_help_is_none(run):
    assert run().exit_code == USAGE
    assert run("--help").exit_code == OK
    assert run("fit", "--help").exit_code == OK
    assert run("fit", "m.py").exit_code == USAGE
    assert run("--version").stdout.startswith("popmix ")


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_the_solver_is_handed_over(run, command):
    assert run(command, "m.py", "d.csv", "--solver", "method=stiff", "--solver", "tolerance=1e-9").exit_code == OK
    assert run(command, "m.py", "d.csv").exit_code == OK
    chosen, left_out = (arguments[-1].solver for _, *arguments in run.calls)
    assert chosen == popmix.Solver("stiff", 1e-9) and left_out is None


@pytest.mark.parametrize(
    ("option", "told"), [("tolerence=1e-9", "Did you mean 'tolerance'?"), ("method=stif", "Solver(method='stif') doesn't exist")]
)
def test_a_solver_that_does_not_exist_is_told(run, option, told):
    result = run("fit", "m.py", "d.csv", "--solver", option)
    assert result.exit_code == USAGE and told in " ".join(result.stderr.split()) and not run.calls
