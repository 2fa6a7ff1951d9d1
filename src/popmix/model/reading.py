"""Reading models: from a file of Python, or from the text that `write` made."""

import contextlib
import itertools
import linecache
import os
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from popmix.errors import ModelError
from popmix.model.mistakes import Mistake, did_you_mean, listed, render
from popmix.model.model import Model
from popmix.model.places import Place, shown_path

_counter = itertools.count(1)


def load(path: str | os.PathLike, name: str | None = None) -> Model:
    """Return the model in a Python file; `name` (or "file.py:Name") says which, when there are several.

    The file's folder is importable while the file runs. Raises ModelError when the file is missing, fails, or holds no such model.
    """
    text = os.fspath(path)
    if name is None and not os.path.exists(text) and ".py:" in text:
        text, _, name = text.rpartition(":")
    file = Path(text)
    if not file.is_file():
        near = did_you_mean(file.name, [each.name for each in file.parent.glob("*.py")] if file.parent.is_dir() else [])
        raise ModelError(f"there is no file {text}{f': {near}' if near else ''}")
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{text} can't be read as a Python file: {error}") from error
    filename = str(file.resolve())
    linecache.checkcache(filename)  # a file that was changed since an earlier reading: messages show its present lines
    with _importable(str(file.resolve().parent)):
        namespace = _run(source, filename)
    return _chosen(_models(namespace), shown_path(filename), name)


def read(source: str | os.PathLike, name: str | None = None) -> Model:
    """Return the model in a text such as `write` makes, or in a file. Raises ModelError as `load` does."""
    if isinstance(source, os.PathLike) or "\n" not in source:
        return load(source, name)
    filename = f"<model text {next(_counter)}>"
    # lets the messages show lines of a text that is in no file
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return _chosen(_models(_run(source, filename)), "the text", name)


def _run(source: str, filename: str) -> dict[str, object]:
    module = types.ModuleType(f"popmix_model_{next(_counter)}")
    module.__file__ = filename
    sys.modules[module.__name__] = module  # data classes and pickles in the file look their module up
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    except ModelError:
        raise
    except SyntaxError as error:
        raise ModelError(_syntax(error, filename)) from error
    except (Exception, SystemExit) as error:
        raise ModelError(_failure(error, filename)) from error
    finally:
        del sys.modules[module.__name__]
    return module.__dict__


def _syntax(error: SyntaxError, filename: str) -> str:
    column = error.offset - 1 if error.offset else None
    end = (error.end_offset or 0) - 1 if error.offset else None
    place = Place(error.filename or filename, error.lineno or 1, column, error.end_lineno, end)
    return render(f"{shown_path(filename)} is not valid Python", [Mistake(error.msg, place=place)])


def _failure(error: BaseException, filename: str) -> str:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == filename]
    place = Place(filename, frames[-1].lineno, frames[-1].colno, frames[-1].end_lineno, frames[-1].end_colno) if frames else None
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return render(f"{shown_path(filename)} fails when it is run", [Mistake(words, place=place)])


def _models(namespace: dict[str, object]) -> dict[str, Model]:
    """Return the models by the names they have in the file, a model with several names once."""
    found: dict[int, tuple[str, Model]] = {}
    for name, value in namespace.items():
        if isinstance(value, Model):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def _chosen(models: dict[str, Model], where: str, name: str | None) -> Model:
    if name is not None and name in models:
        return models[name]
    if name is not None:
        there = f"; it holds {listed(models)}" if models else ""
        near = did_you_mean(name, models)
        raise ModelError(f"{where} holds no model {name}{there}{f': {near}' if near else ''}")
    if not models:
        raise ModelError(f"{where} holds no model: a model is a class statement `class Name(Model):`, after `from popmix import *`")
    if len(models) > 1:
        first = next(iter(models))
        raise ModelError(f"{where} holds {len(models)} models, {listed(models)}: say which one, as in {os.path.basename(where)}:{first}")
    return next(iter(models.values()))


@contextlib.contextmanager
def _importable(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
