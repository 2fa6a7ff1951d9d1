"""Sources of data: text and Parquet files, data frames, dictionaries of columns, event tables."""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import narwhals
import numpy as np

from popmix.data.cells import Cells, objects, texts
from popmix.data.findings import Collector
from popmix.data.raw import RawTable
from popmix.data.table import EventTable
from popmix.data.textfile import read_text_file
from popmix.errors import OptionError

_PARQUET = {".parquet", ".pq"}
_FIRST_ROW = 2


def load(source: Any, collector: Collector) -> RawTable:
    """Return the cells of any source of data; faults of the file itself go to the collector.

    Raises OptionError for an object that is none of: path of a CSV or Parquet file, pandas, polars or pyarrow frame, dictionary of
    columns, EventTable.
    """
    if isinstance(source, EventTable):
        return from_event_table(source)
    if isinstance(source, str | Path):
        raw = _from_path(Path(source), collector)
    elif isinstance(source, Mapping):
        raw = _from_mapping(source, collector)
    else:
        raw = _from_frame(source, "data frame", collector)
        raw.library = "pandas" if narwhals.dependencies.is_pandas_dataframe(source) else "polars"
    raw.n_read = raw.n_rows
    return raw


def _from_path(path: Path, collector: Collector) -> RawTable:
    empty = RawTable([], [], np.zeros(0, dtype=np.int64), path.name or str(path), "")
    try:
        if not path.is_file():
            collector.add("D052", "E", "", _absent(path), "Give the path of a CSV or Parquet file.")
            return empty
        return _from_parquet(path, collector) if path.suffix.lower() in _PARQUET else read_text_file(path, collector)
    except OSError as error:
        collector.add("D052", "E", "", f"{path} can't be read: {error.strerror or error}.", "Give the path of a CSV or Parquet file.")
    except ImportError as error:
        collector.add("D052", "E", "", f"{path} can't be read: {error}", "pip install polars")
    except Exception as error:  # the libraries behind Parquet share no exception of their own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        collector.add("D052", "E", "", f"{path} is not a readable Parquet file: {reason}", "Write it again, or give a CSV file.")
    return empty


def _absent(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder, not a file."
    if path.exists():
        return f"{path} is not a regular file."
    folder = path.parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    near = get_close_matches(path.name, names, n=1)
    return f"There is no file {path}." + (f" Did you mean {folder / near[0]}?" if near else "")


def _from_parquet(path: Path, collector: Collector) -> RawTable:
    backend = next((name for name in ("polars", "pyarrow", "pandas") if importlib.util.find_spec(name)), None)
    if backend is None:
        raise ImportError("a Parquet file needs polars, pyarrow or pandas.")
    raw = _from_frame(narwhals.read_parquet(str(path), backend=backend), path.name, collector)
    raw.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return raw


def _from_frame(frame: Any, source: str, collector: Collector) -> RawTable:
    try:
        series = list(narwhals.from_native(frame, eager_only=True).iter_columns())
    except TypeError as error:
        kinds = "the path of a CSV or Parquet file, a pandas, polars or pyarrow data frame, a dictionary of columns, or an EventTable"
        raise OptionError(f"Data can't be read from {type(frame).__name__}: give {kinds}.") from error
    except narwhals.exceptions.DuplicateError as error:
        told = " ".join(str(error).split())
        collector.add("D006", "E", "", f"Columns of the data frame have one name. {told}", "Rename or drop all but one of them.")
        return _assembled([], [], source)
    names = [str(one.name) for one in series]
    columns = [_series_cells(one) for one in series]
    return _assembled(names, columns, source)


def _series_cells(series: "narwhals.Series") -> Cells:
    if series.dtype.is_temporal():
        return ["" if value is None or value != value else _iso(value) for value in series.to_list()]
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        return series.cast(narwhals.Float64).to_numpy().astype(np.float64) if series.null_count() else series.to_numpy()
    return _array_cells(objects(series.to_list()))


def _iso(value: Any) -> str:
    if isinstance(value, timedelta):
        return repr(value.total_seconds() / 3600)  # a duration in hours
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _array_cells(values: np.ndarray) -> Cells:
    if values.dtype.kind in "iufb":
        return values
    if values.dtype.kind == "M":
        return ["" if text == "NaT" else text for text in np.datetime_as_string(values, unit="s").tolist()]
    present = [value for value in values.tolist() if value is not None]
    if present and all(isinstance(value, int | float | np.number | np.bool_) for value in present):
        return np.array([np.nan if value is None else float(value) for value in values.tolist()], dtype=np.float64)
    return ["" if _is_missing(value) else _cell(value) for value in values.tolist()]


def _is_missing(value: Any) -> bool:
    return value is None or str(value) in {"nan", "NaT", "<NA>"}


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    return _iso(value).strip()


def _from_mapping(source: Mapping, collector: Collector) -> RawTable:
    names = [str(name) for name in source]
    columns = [_column(name, values) for name, values in source.items()]
    lengths = {name: len(values) for name, values in zip(names, columns, strict=True)}
    shortest = min(lengths.values(), default=0)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        collector.add("D051", "E", "", f"The columns are not equally long: {told}.", "Give columns of one length.", rows=[])
    return _assembled(names, [values[:shortest] for values in columns], "dictionary")


def _column(name: Any, values: Any) -> Cells:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise OptionError(f"Column {name} is {values!r}: give a sequence of values.")
    if isinstance(values, np.ndarray):
        return _array_cells(values.ravel())
    return _array_cells(objects(list(values)))


def _assembled(names: list[str], columns: list[Cells], source: str) -> RawTable:
    n = len(columns[0]) if columns else 0
    rows = np.arange(_FIRST_ROW, n + _FIRST_ROW, dtype=np.int64)
    return RawTable(names, columns, rows, source, _digest(names, columns))


def _digest(names: list[str], columns: list[Cells]) -> str:
    """SHA-256 of the names and cells, so that equal frames have equal sums whatever library holds them."""
    total = hashlib.sha256()
    for name, cells in zip(names, columns, strict=True):
        total.update(name.encode() + b"\0")
        if isinstance(cells, np.ndarray):
            total.update(np.ascontiguousarray(cells, dtype=np.float64).tobytes())
        else:
            total.update("\0".join(texts(cells)).encode(errors="surrogatepass"))
    return total.hexdigest()


def from_event_table(table: EventTable) -> RawTable:
    """Return the cells of an event table, to be read again with another expectation; row numbers stay."""
    told = dict(table.to_table())
    if not table.cens.any() and np.isnan(table.limit).all():
        told.pop("CENS")
        told.pop("LIMIT")
    for name in ("CMT", "DVID"):
        if not any(told[name]):
            told.pop(name)
    for name in ("RATE", "DUR"):
        if np.isnan(told[name]).all():
            told.pop(name)
    columns = [cells if cells.dtype.kind != "O" else cells.tolist() for cells in told.values()]
    known = {"n_read": table.n_read, "excluded": table.excluded, "missing": dict(table.missing), "library": table.library}
    return RawTable(list(told), columns, table.row, table.source, table.sha256, interpolation=dict(table.interpolation), **known)
