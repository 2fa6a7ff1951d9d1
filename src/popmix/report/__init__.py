"""Floor 9, report: a fit as one HTML file that needs nothing from outside. `popmix.report(fit, path, ...)` writes it."""

import sys
from types import ModuleType
from typing import Any

from popmix.report.report import report

__all__ = ["report"]


class _Room(ModuleType):
    """This package, which has the name of its one function and may be called like it."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return report(*arguments, **options)


sys.modules[__name__].__class__ = _Room
