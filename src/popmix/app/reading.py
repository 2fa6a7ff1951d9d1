"""One word for reading: models from their source, data from anything else."""

import os
from typing import Any

from popmix import data, model
from popmix.errors import OptionError


def read(source: Any, **options: Any) -> Any:
    """Read a model or a data set, by what `source` is.

    Python source (a text with a line break, as `write` returns it) and files that end in .py, or .py:Name, give a Model;
    other paths, data frames and dictionaries of columns give an EventTable, with the options of `popmix.data.read`.
    Raises ModelError or DataError with everything that is wrong, OptionError for options of data where there is a model.
    """
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        is_source = "\n" in text or text.endswith(".py")
        if is_source or ".py:" in text:
            if options:
                raise OptionError(f"{', '.join(options)}: options of data, but {text.splitlines()[0]!r} is a model.")
            return model.read(source) if is_source else model.load(text)
    return data.read(source, **options)
