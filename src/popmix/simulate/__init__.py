"""Floor 6, simulate: data as a model says they come about. `popmix.simulate(model, data, ...)` makes them."""

import sys
from types import ModuleType
from typing import Any

from popmix.simulate.data import simulate
from popmix.simulate.replicates import Replicates, replicates

__all__ = ["Replicates", "replicates", "simulate"]


class _Room(ModuleType):
    """This package, which has the name of its main function and may be called like it."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return simulate(*arguments, **options)


sys.modules[__name__].__class__ = _Room
