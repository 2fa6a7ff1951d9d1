"""The commands that show whether a model is any good: gof, npde, vpc, report. Each takes a run folder, or a model and its data."""

from pathlib import Path
from typing import Annotated, Any

import typer

from popmix import app
from popmix.cli.guard import guarded
from popmix.cli.methods import covariance_kind, make_method, make_solver, pairs
from popmix.cli.progress import progress
from popmix.cli.words import AsJson, Columns, Covariance, Jobs, MethodName, Options, Seed, SolverOptions, Traceback

What = Annotated[str, typer.Argument(metavar="RUN|MODEL.py[:Name]", help="A run folder of popmix fit --out, or a model file.")]
Data = Annotated[str | None, typer.Argument(metavar="[DATA.csv]", help="The data of the model; of a run only where they have moved.")]
Folder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where pictures and their tables go.")]
Format = Annotated[str, typer.Option("--format", metavar="KIND", help="Of pictures: png, pdf, svg or html (interactive).")]
Replicates = Annotated[int, typer.Option("--n", metavar="N", help="How many data sets are simulated.")]


def gof(
    what: What,
    data: Data = None,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    out: Folder = None,
    format: Format = "png",
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Draw goodness-of-fit pictures: predictions, residuals, their distribution."""
    with guarded(traceback):
        with progress() as told:
            request, subject = _looked_at(what, data, method, option, (column, solver), seed, jobs, told)
            found = app.gof_run(subject, out, format, request)
        _show(found, json)


def npde(
    what: What,
    data: Data = None,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    n: Replicates = 1000,
    decorrelation: Annotated[
        str, typer.Option("--decorrelation", metavar="KIND", help="cholesky, or symmetric as NONMEM has it.")
    ] = "cholesky",
    out: Folder = None,
    format: Format = "png",
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Compute and draw normalised prediction distribution errors; a run folder gets them in its predictions.csv."""
    with guarded(traceback):
        with progress() as told:
            request, subject = _looked_at(what, data, method, option, (column, solver), seed, jobs, told)
            found = app.npde_run(subject, n, decorrelation, out, format, request)
        _show(found, json)


def vpc(
    what: What,
    data: Data = None,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    n: Replicates = 1000,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="NAME", help="The endpoint (default: the first).")] = None,
    against: Annotated[str, typer.Option("--against", metavar="COLUMN", help="The axis: TIME, TAD, PRED, a covariate.")] = "TIME",
    bins: Annotated[
        str, typer.Option("--bins", metavar="HOW", help="auto, unique, none (smooth quantiles), a number, or edges: 0,1,4,24.")
    ] = "auto",
    stratify: Annotated[str | None, typer.Option("--stratify", metavar="COLUMN", help="A covariate, OCC or DVID to part by.")] = None,
    correction: Annotated[str | None, typer.Option("--correction", metavar="KIND", help="prediction, variability or reference.")] = None,
    reference: Annotated[
        list[str] | None, typer.Option("--reference", metavar="COLUMN=VALUE", help="A reference dose or covariate.")
    ] = None,
    event: Annotated[
        str, typer.Option("--event", metavar="K", help="Which event of a repeated one; all: the mean number of events.")
    ] = "1",
    uncertainty: Annotated[bool, typer.Option("--uncertainty", help="Draw the parameters too, from the covariance of the run.")] = False,
    out: Folder = None,
    format: Format = "png",
    seed: Seed = None,
    jobs: Jobs = None,
    json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Make a visual predictive check: percentiles, shares of categories, survival or numbers of events, observed and simulated."""
    with guarded(traceback):
        own = {"endpoint": endpoint, "against": against, "bins": app.bins_of(bins), "stratify": stratify, "correction": correction}
        own |= {"reference": app.reference_of(reference), "event": app.event_of(event)}
        with progress() as told:
            request, subject = _looked_at(what, data, method, option, (column, solver), seed, jobs, told)
            found = app.vpc_run(subject, n, own, uncertainty, out, format, request)
        _show(found, json)


def report(
    what: What,
    data: Data = None,
    method: MethodName = None,
    option: Options = None,
    column: Columns = None,
    solver: SolverOptions = None,
    covariance: Covariance = "sandwich",
    n: Replicates = 500,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.html", help="The file to write.")] = Path("report.html"),
    seed: Seed = None,
    jobs: Jobs = None,
    traceback: Traceback = False,
) -> None:
    """Write a report: model, data, estimates, certificate, pictures and individual fits on one page that needs no network."""
    with guarded(traceback):
        with progress() as told:
            own = {"covariance": covariance_kind(covariance)}
            request = app.Request(None, False, seed, jobs, app.words(), told, pairs(column), make_solver(solver), **own)
            subject = app.subject_of(what, data, make_method(method, option or ()), request)
            written = app.report_run(subject, out, n, request)
        typer.echo(f"Report: {written} ({written.stat().st_size / 1e6:.1f} MB)")


def _looked_at(
    what: str,
    data: str | None,
    method: str | None,
    option: list[str] | None,
    given: tuple[list[str] | None, list[str] | None],
    seed: int | None,
    jobs: int | None,
    told: Any,
) -> tuple[Any, Any]:
    """Return the request and what is looked at; `given`: the columns and the solver."""
    column, solver = given
    request = app.Request(None, False, seed, jobs, (), told, pairs(column), make_solver(solver))
    return request, app.subject_of(what, data, make_method(method, option or ()), request)


def _show(found: "app.Seen", json: bool) -> None:
    typer.echo(app.to_json(found.document()).rstrip() if json else str(found))
