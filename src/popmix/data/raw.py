"""The columns of a source before anything is known about their meaning."""

from dataclasses import dataclass, replace

import numpy as np

from popmix.data.cells import Cells, texts


@dataclass
class RawTable:
    """Named columns of cells, as a file or a data frame holds them.

    columns: stripped text (list of str) or an array of numbers or objects, all of one length. rows: int64[n], row numbers.
    nonmem: a text file in NONMEM's format, whose covariates hold for the interval that ends at their record.
    library: of the data frame that it came from, "pandas" or, for everything else, "polars".
    interpolation, n_read, excluded, missing: what is known from an earlier reading (an event table read again).
    """

    names: list[str]
    columns: list[Cells]
    rows: np.ndarray
    source: str
    sha256: str
    nonmem: bool = False
    library: str = "polars"
    interpolation: dict[str, str] | None = None
    n_read: int = 0
    excluded: tuple[tuple[str, int], ...] = ()
    missing: dict[str, int] | None = None

    @property
    def n_rows(self) -> int:
        """Number of records."""
        return len(self.rows)

    def take(self, index: np.ndarray) -> "RawTable":
        """Return the records at the given positions."""
        chosen = index.tolist()
        columns = [[cells[at] for at in chosen] if isinstance(cells, list) else cells[index] for cells in self.columns]
        return replace(self, columns=columns, rows=self.rows[index])

    def texts(self, position: int) -> list[str]:
        """Return one column as stripped text."""
        return texts(self.columns[position])

    def without_blank_rows(self) -> "RawTable":
        """Return the records that hold anything at all: spreadsheets leave empty lines at the end."""
        if not self.columns or not self.n_rows or not all(isinstance(cells, list) for cells in self.columns):
            return self
        blank = np.array([cell == "" for cell in self.columns[0]])
        if not blank.any():
            return self
        for cells in self.columns[1:]:
            blank &= np.array([cell == "" for cell in cells])
        return self.take(np.flatnonzero(~blank)) if blank.any() else self
