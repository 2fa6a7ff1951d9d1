"""Named columns with units: the neutral table that functions of popmix return.

A `Table` holds equally long one-dimensional arrays under names. It turns into a pandas or polars data frame on demand and
prints itself as text, so no data frame library is imported before somebody asks for one.
"""

import csv
import importlib
import io
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from popmix.errors import PopmixError


class Table(Mapping):
    """Equally long named columns, with an optional unit for each.

    `table["CL"]` is a numpy array; `len(table)` counts columns, `table.n_rows` rows.
    Raises ValueError when the columns differ in length.
    """

    def __init__(self, columns: Mapping[str, Sequence], units: Mapping[str, str] | None = None) -> None:
        self._columns = {name: np.asarray(values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of a table must be equally long, not {lengths}")
        self.units = dict(units or {})

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary."""
        for index in range(self.n_rows):
            yield {name: values[index] for name, values in self._columns.items()}

    def to_pandas(self) -> Any:
        """Return the table as a pandas data frame."""
        return _frame_library("pandas").DataFrame(dict(self._columns))

    def to_polars(self) -> Any:
        """Return the table as a polars data frame."""
        return _frame_library("polars").DataFrame({name: values.tolist() for name, values in self._columns.items()})

    def to_frame(self, library: str) -> Any:
        """Return a data frame of a library, "pandas" or "polars"."""
        return {"pandas": self.to_pandas, "polars": self.to_polars}[library]()

    def to_csv(self) -> str:
        """Return the table as CSV text; numbers keep all their digits, a missing number is an empty cell."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self._columns)
        columns = [_cells(values) for values in self._columns.values()]
        writer.writerows(zip(*columns, strict=True))
        return stream.getvalue()

    def __repr__(self) -> str:
        return _as_text(self, most=20)

    def _repr_html_(self) -> str:
        return self.to_pandas()._repr_html_()


def _frame_library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PopmixError(f"{name} is not installed: `pip install {name}`, or use the columns of the table as arrays.") from error


def _cells(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return ["" if np.isnan(value) else repr(float(value)) for value in values]
    return [str(value) for value in values]


def _as_text(table: Table, most: int) -> str:
    shown = min(table.n_rows, most)
    cells = []
    for name, values in table.items():
        title = f"{name} [{table.units[name]}]" if table.units.get(name) else name
        body = [f"{value:.5g}" if values.dtype.kind == "f" else str(value) for value in values[:shown]]
        width = max(len(text) for text in [title, *body])
        cells.append([text.rjust(width) for text in [title, *body]])
    lines = ["  ".join(parts) for parts in zip(*cells, strict=True)]
    if table.n_rows > shown:
        lines.append(f"... {table.n_rows - shown} more rows")
    return "\n".join(lines)
