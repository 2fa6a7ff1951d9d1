"""The commands: each parses its words, calls one function of `popmix.app`, and shows what it returns."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from popmix import __version__, app
from popmix.cli import diagnostics
from popmix.cli.guard import INTERRUPTED, guarded
from popmix.cli.methods import METHODS, covariance_kind, make_method, make_solver, pairs
from popmix.cli.progress import progress
from popmix.cli.words import (
    AsJson,
    Certificate,
    Columns,
    Covariance,
    DataFile,
    Jobs,
    MethodName,
    ModelFile,
    Npde,
    Options,
    OutFolder,
    Overwrite,
    Seed,
    SolverOptions,
    Start,
    Starts,
    Traceback,
)

shell = typer.Typer(
    name="popmix",
    help="Nonlinear mixed-effects models: check a model and its data, fit them, and see how far the fit can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@shell.command()
def fit(
    model: ModelFile,
    data: DataFile,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    start: Start = None,
    starts: Starts = 1,
    covariance: Covariance = "none",
    certificate: Certificate = False,
    out: OutFolder = None,
    overwrite: Overwrite = False,
    npde: Npde = 300,
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Estimate the parameters of a model from data."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        kind = covariance_kind(covariance)
        with progress() as told:
            own = {"covariance": kind, "start": _start(start), "n_starts": starts, "certificate": certificate, "npde": npde}
            request = app.Request(out, overwrite, seed, jobs, _command(), told, pairs(column), make_solver(solver), **own)
            result = app.fit_file(model, data, chosen, request)
        _show_fit(result, out, json)


@shell.command()
def evaluate(
    model: ModelFile,
    data: DataFile,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    at: Annotated[str | None, typer.Option("--at", metavar="VALUES.json", help="Values by name, or the fit.json of a run folder.")] = None,
    out: OutFolder = None,
    overwrite: Overwrite = False,
    npde: Npde = 300,
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Compute the objective at given values (the model's start values when left out), without estimation."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        values = None if at is None else app.read_values(at)
        with progress() as told:
            request = app.Request(out, overwrite, seed, jobs, _command(), told, pairs(column), make_solver(solver), npde=npde)
            result = app.evaluate_file(model, data, chosen, values, request)
        _show_fit(result, out, json)


@shell.command()
def profile(
    model: ModelFile,
    data: DataFile,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", metavar="NAME", help="A parameter; may be repeated.")] = None,
    level: Annotated[float, typer.Option("--level", metavar="P", help="The level of the intervals.")] = 0.95,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Fit a model and profile its likelihood: intervals that do not lean on a normal distribution."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        with progress() as told:
            request = app.Request(None, False, None, jobs, _command(), told, pairs(column), make_solver(solver))
            result = app.profile_file(model, data, chosen, parameter, level, request)
        _show(result, json)


@shell.command()
def sir(
    model: ModelFile,
    data: DataFile,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Fit a model and resample its estimates by their likelihood (sampling importance resampling)."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        with progress() as told:
            request = app.Request(None, False, seed, jobs, _command(), told, pairs(column), make_solver(solver))
            result = app.sir_file(model, data, chosen, request)
        _show(result, json)


@shell.command()
def compare(
    what: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...|MODEL.py[:Name] DATA.csv", help="Run folders, or a model and its data.")
    ],
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    summary: Annotated[str, typer.Option("--summary", metavar="NAME", help="Of the two-stage method: standard or global.")] = "standard",
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Show runs side by side and what subjects drive the difference; or, of a model and data, pooled, two-stage and one-stage estimates."""
    with guarded(traceback):
        with progress() as told:
            request = app.Request(None, False, None, jobs, _command(), told, pairs(column), None)
            if app.are_runs(what):
                result = app.compare_runs(what, request)
            else:
                model, data = app.model_and_data(what)
                result = app.compare_file(model, data, make_method(method, option or ()), summary, request)
        _show(result, json)


for _looking in (diagnostics.gof, diagnostics.vpc, diagnostics.npde, diagnostics.report):
    shell.command()(_looking)


@shell.command()
def check(
    model: ModelFile,
    data: Annotated[str | None, typer.Argument(metavar="[DATA.csv]", help="The data to check against the model.")] = None,
    column: Columns = None,
    identifiability: Annotated[bool, typer.Option("--identifiability", help="Add what the data can say of the parameters.")] = False,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Check a model, and data against it: every mistake and finding, with its place and a mend."""
    with guarded(traceback):
        result = app.check(model, data, pairs(column))
        known = app.identifiability(result.model, result.table) if identifiability and result.ok and result.table is not None else None
        told = {} if known is None else {"identifiability": known.document()}
        typer.echo(app.to_json(result.document() | told).rstrip() if json else "\n\n".join([str(result), *([str(known)] if known else [])]))
        if not result.ok:
            typer.echo(f"popmix: {result.verdict}", err=True)
            raise typer.Exit(1)


@shell.command()
def library(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The structure to show; all are listed when left out.")] = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """List the ready structures, or show one: equations, arguments, parts, source."""
    with guarded(traceback):
        result = app.library(name)
        typer.echo(app.to_json(result.document()).rstrip() if json else str(result))


@shell.command()
def demo(json: AsJson = False, traceback: Traceback = False) -> None:
    """Fit the bundled theophylline data, and say what to do next."""
    with guarded(traceback):
        with progress() as told:
            result = app.Fitted(app.demo(told))
        _show_fit(result, None, json)
        if not json:
            typer.echo(app.NEXT_STEPS)


@shell.command()
def doctor(
    support: Annotated[bool, typer.Option("--support", help="Show which method can do what, and nothing else.")] = False,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Show versions, the state of the engine's cache and threads, and check the installation against a known number."""
    with guarded(traceback):
        if support:
            table = app.support_table({name: make_method(name) for name in METHODS})
            typer.echo(app.to_json({name: table[name] for name in table}).rstrip() if json else app.support_text(table))
            return
        with progress() as told:
            health = app.doctor(told)
        typer.echo(app.to_json(health.document()).rstrip() if json else str(health))
        if not health.ok:
            typer.echo(f"popmix: {health.verdict}", err=True)
            raise typer.Exit(1)


@shell.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False) -> None:
    if version:
        typer.echo(f"popmix {__version__}")
        raise typer.Exit(0)


def _start(text: str | None) -> object:
    return text if text in (None, "auto") else app.read_values(text)


def _show(result: object, json: bool) -> None:
    typer.echo(app.to_json(result.document()).rstrip() if json else str(result))


def _show_fit(result: "app.Fitted", out: Path | None, json: bool) -> None:
    typer.echo(app.to_json(result.document(_command())).rstrip() if json else str(result))
    if out is not None:
        typer.echo(f"Run folder: {out}", err=True)


def _command() -> tuple[str, ...]:
    return ("popmix", *sys.argv[1:])


def main() -> None:
    """Run the command line; the exit code is 0 done, 1 input or work failed, 2 usage, 130 interrupted."""
    try:
        shell()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
