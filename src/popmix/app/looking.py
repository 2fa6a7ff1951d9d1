"""From a run, or a model and data, to what shows whether the model is any good: `popmix gof`, `vpc`, `npde` and `report`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popmix.app.files import Request, fit_file
from popmix.diagnose.contrast import FitComparison, compare_fits
from popmix.diagnose.gallery import gallery
from popmix.diagnose.pictures import gof, npde_pictures
from popmix.diagnose.residuals import described, residuals
from popmix.diagnose.vpc import vpc
from popmix.errors import OptionError, PopmixError
from popmix.estimate import Fit, Posterior
from popmix.interop import run_folder
from popmix.interop.opening import is_run, open_run
from popmix.plot import Picture
from popmix.report import report
from popmix.table import Table
from popmix.uncertainty import Covariance, covariance

FORMATS = ("png", "pdf", "svg", "html")


@dataclass(frozen=True, eq=False)
class Subject:
    """What is looked at: a fit, the covariance of its estimates, the command that made it, and what is to be said of it."""

    fit: Fit
    covariance: Covariance | None
    command: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path | None = None

    @property
    def name(self) -> str:
        """What files about it are called after."""
        return self.folder.name if self.folder is not None else self.fit.model.name


@dataclass(frozen=True, eq=False)
class Seen:
    """What a command found: its text, its tables by name, and the files it wrote."""

    text: str
    tables: Mapping[str, Table]
    files: tuple[Path, ...]

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        tables = {name: list(table.rows()) for name, table in self.tables.items()}
        return {"summary": self.text.splitlines(), "files": [str(file) for file in self.files]} | tables

    def __str__(self) -> str:
        return "\n".join([self.text, *(f"  {file}" for file in self.files)])


def subject_of(what: str, data: str | None, method: Any, request: Request) -> Subject:
    """Return the fit of a run folder (with `data` only where its file is to be given), or of a model file and its data, fitted now.

    Raises PopmixError as `open_run` and `fit_file` do.
    """
    if is_run(what):
        run = open_run(what, data, threads=request.threads, progress=request.progress)
        return Subject(run.fit, run.covariance, run.command, run.notes, run.folder)
    if data is None:
        raise OptionError(f"{what} is no run folder (popmix fit … --out DIR makes one): give one, or a model file and its data.")
    found = fit_file(what, data, method, request)
    if isinstance(found.fit, Posterior):
        raise OptionError("a posterior has no single fit to look at: use another method, or ArviZ.")
    return Subject(found.fit, found.covariance, request.command, ())


def gof_run(subject: Subject, out: Path | None, kind: str, request: Request) -> Seen:
    """Draw the goodness-of-fit pictures of a fit."""
    found = residuals(subject.fit, threads=request.threads, progress=request.progress)
    written = _written(gof(subject.fit, found), out or Path(f"{subject.name}-gof"), kind, {"residuals": found.table})
    return Seen(f"Goodness of fit of {subject.name}", {"residuals": found.table}, written)


def npde_run(subject: Subject, n: int, decorrelation: str, out: Path | None, kind: str, request: Request) -> Seen:
    """Compute NPDE and draw them; a run folder gets them in its predictions.csv."""
    seed = 1 if request.seed is None else request.seed
    given = {"decorrelation": decorrelation, "seed": seed, "threads": request.threads, "progress": request.progress}
    found = residuals(subject.fit, n, **given)
    pictures = npde_pictures(subject.fit, found)
    written = list(_written(pictures, out or Path(f"{subject.name}-npde"), kind, {"residuals": found.table}))
    if subject.folder is not None:
        written.append(run_folder.add_npde(subject.folder, found.table["NPDE"]))
    lines = [f"NPDE of {subject.name} from {n} replicates ({decorrelation})"]
    lines += [f"  {name or 'all'}: {described(own)}" for name, own in found.tests().items()]
    return Seen("\n".join([*lines, *found.notes]), {"residuals": found.table}, tuple(written))


def vpc_run(
    subject: Subject, n: int, options: Mapping[str, Any], with_uncertainty: bool, out: Path | None, kind: str, request: Request
) -> Seen:
    """Make the predictive check of an endpoint and draw it."""
    if with_uncertainty and subject.covariance is None:
        raise OptionError("--uncertainty needs the covariance of the estimates: popmix fit … --covariance sandwich.")
    given = {"seed": 1 if request.seed is None else request.seed, "threads": request.threads, "progress": request.progress}
    check = vpc(subject.fit, n, uncertainty=subject.covariance if with_uncertainty else None, **given, **options)
    picture = check.picture()
    written = _written([picture], out or Path(f"{subject.name}-vpc"), kind, dict(picture.data))
    return Seen(repr(check).splitlines()[0], dict(picture.data), written)


def report_run(subject: Subject, target: Path, n: int, request: Request) -> Path:
    """Write the report of a fit with its certificate; one without a covariance gets the sandwich, which takes about as long as the fit."""
    told = {"threads": request.threads, "progress": request.progress}
    fit, known, certificate, notes = subject.fit, subject.covariance, None, list(subject.notes)
    if not fit.convergence.evaluated_only:
        try:
            known = known or covariance(fit, **told)
            certificate = fit.certificate(**told)
        except PopmixError as error:
            notes.append(f"Not all that is known of the precision of this fit could be computed: {error}")
    pictures = gallery(fit, n, seed=1 if request.seed is None else request.seed, **told)
    title = subject.name if subject.folder is None else f"{fit.model.name}: {subject.name}"
    own = {"covariance": known, "certificate": certificate, "command": subject.command, "notes": notes}
    return report(fit, target, gallery=pictures, title=title, **own)


def compare_runs(folders: Sequence[str], request: Request) -> FitComparison:
    """Return the fits of run folders side by side, called after their folders."""
    fits = [open_run(folder, threads=request.threads, progress=request.progress).fit for folder in folders]
    names = [Path(folder).name for folder in folders]
    return compare_fits(*fits, names=names if len(set(names)) == len(names) else [str(Path(folder)) for folder in folders])


def are_runs(words: Sequence[str]) -> bool:
    """Whether all words name run folders."""
    return len(words) >= 2 and all(is_run(word) for word in words)


def model_and_data(words: Sequence[str]) -> tuple[str, str]:
    """Return the model file and the data file of a comparison of stages. Raises OptionError for anything else."""
    if len(words) == 2 and not any(is_run(word) for word in words):
        return words[0], words[1]
    lost = [word for word in words if not is_run(word)]
    what = f"{lost[0]} is no run folder" if lost else "one run can't be compared with itself"
    raise OptionError(f"{what}: give two run folders or more (popmix fit … --out DIR), or a model file and its data.")


def bins_of(text: str) -> Any:
    """Return bins as a command tells them: a word, a number, edges with commas, or none. Raises OptionError for edges that are none."""
    if text in ("auto", "unique"):
        return text
    if text == "none":
        return None
    try:
        return int(text) if "," not in text else [float(part) for part in text.split(",")]
    except ValueError as error:
        raise OptionError(f"--bins {text}: give auto, unique, none, a number, or edges such as 0,1,4,24.") from error


def event_of(text: str) -> int | None:
    """Return the number of an event, None for all. Raises OptionError for another word."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(f"--event {text}: give a number from 1, or all.")
    return int(text)


def reference_of(texts: Sequence[str] | None) -> dict[str, float | str] | None:
    """Return reference values of `COLUMN=VALUE` texts, None without any. Raises OptionError for texts of another form."""
    found: dict[str, float | str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise OptionError(f"--reference {text}: write COLUMN=VALUE, as AMT=100.")
        found[name] = _number_or_word(value)
    return found or None


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def words() -> tuple[str, ...]:
    """Return the words of the present command."""
    return ("popmix", *sys.argv[1:])


def _written(pictures: Sequence[Picture], folder: Path, kind: str, tables: Mapping[str, Table]) -> tuple[Path, ...]:
    """Write pictures and the tables behind them into a folder, and return the files."""
    if kind not in FORMATS:
        raise OptionError(f"--format {kind}: a picture is written as {', '.join(FORMATS)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [picture.save(folder / f"{picture.name}.{kind}") for picture in pictures]
        for name, table in tables.items():
            files.append(folder / f"{name}.csv")
            files[-1].write_text(table.to_csv(), encoding="utf-8")
    except OSError as error:
        raise PopmixError(f"{folder} can't be written: {error.strerror or error}.") from error
    return tuple(files)
