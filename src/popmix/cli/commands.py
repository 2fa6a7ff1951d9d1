"""The commands: each parses its words, calls one function of `popmix.app`, and shows what it returns."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from popmix import __version__, app
from popmix.cli.guard import INTERRUPTED, guarded
from popmix.cli.methods import COVARIANCES, METHODS, covariance_kind, make_method, make_solver, pairs
from popmix.cli.progress import progress

shell = typer.Typer(
    name="popmix",
    help="Nonlinear mixed-effects models: check a model and its data, fit them, and see how far the fit can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelFile = Annotated[
    str, typer.Argument(metavar="MODEL.py[:Name]", help="The file of the model, and its name when the file holds several.")
]
DataFile = Annotated[str, typer.Argument(metavar="DATA.csv", help="The data: CSV or Parquet with NONMEM-style columns.")]
MethodName = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help=f"The method: {', '.join(METHODS)} (default: focei; laplace for discrete outcomes)."),
]
Options = Annotated[list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the method; may be repeated.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=NAME", help="A column of another name, as time=TAFD or WT=BW; may be repeated."),
]
SolverOptions = Annotated[
    list[str] | None,
    typer.Option("--solver", metavar="NAME=VALUE", help="How equations are solved: method=stiff, tolerance=1e-9; may be repeated."),
]
OutFolder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write a run folder of this name.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Let the run folder replace an earlier run folder.")]
Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", help="Number of threads; all cores when left out.")]
Covariance = Annotated[
    str, typer.Option("--covariance", metavar="KIND", help=f"Standard errors by the covariance of the estimates: {', '.join(COVARIANCES)}.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else there.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where an error happened, for a report.")]


@shell.command()
def fit(
    model: ModelFile,
    data: DataFile,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    covariance: Covariance = "none",
    out: OutFolder = None,
    overwrite: Overwrite = False,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of whatever is random, kept with the result.")] = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Estimate the parameters of a model from data."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        kind = covariance_kind(covariance)
        with progress() as told:
            request = app.Request(out, overwrite, seed, jobs, _command(), told, pairs(column), make_solver(solver), kind)
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
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Compute the objective at given values (the model's start values when left out), without estimation."""
    with guarded(traceback):
        chosen = make_method(method, option or ())
        values = None if at is None else app.read_values(at)
        with progress() as told:
            request = app.Request(out, overwrite, None, jobs, _command(), told, pairs(column), make_solver(solver))
            result = app.evaluate_file(model, data, chosen, values, request)
        _show_fit(result, out, json)


@shell.command()
def check(
    model: ModelFile,
    data: Annotated[str | None, typer.Argument(metavar="[DATA.csv]", help="The data to check against the model.")] = None,
    column: Columns = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Check a model, and data against it: every mistake and finding, with its place and a mend."""
    with guarded(traceback):
        result = app.check(model, data, pairs(column))
        typer.echo(app.to_json(result.document()).rstrip() if json else str(result))
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
def doctor(json: AsJson = False, traceback: Traceback = False) -> None:
    """Show versions, the state of the engine's cache and threads, and check the installation against a known number."""
    with guarded(traceback):
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
