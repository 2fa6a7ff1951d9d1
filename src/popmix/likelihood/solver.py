"""How the differential equations of a model are solved."""

import numbers
from dataclasses import dataclass

from popmix.errors import OptionError
from popmix.model.mistakes import did_you_mean

_METHODS = ("auto", "nonstiff", "stiff", "exponential")


@dataclass(frozen=True)
class Solver:
    """How amounts are found: by closed form where there is one, else by integration with the relative `tolerance`.

    method: "auto" takes closed forms where the equations have one, the matrix exponential where they are linear, else integrates by the
    explicit method of Dormand and Prince of order 8 and, from where a subject's equations turn out to be stiff, by Radau IIA of order 9;
    "exponential", "nonstiff" and "stiff" take one of them, even where a closed form exists. Raises OptionError for values that don't
    exist.
    """

    method: str = "auto"
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        if isinstance(self.tolerance, bool) or not isinstance(self.tolerance, numbers.Real):
            raise OptionError(f"Solver(tolerance={self.tolerance!r}) must be a number.")
        if self.method not in _METHODS:
            hint = did_you_mean(str(self.method), _METHODS).capitalize()
            methods = f"Methods: {', '.join(map(repr, _METHODS))}."
            raise OptionError(" ".join(filter(None, (f"Solver(method={self.method!r}) doesn't exist.", hint, methods))))
        if not 1e-13 <= self.tolerance <= 1e-2:
            raise OptionError(f"Solver(tolerance={self.tolerance!r}) must lie between 1e-13 and 1e-2.")

    @property
    def as_equations(self) -> bool:
        """Whether closed forms are left aside."""
        return self.method != "auto"

    @property
    def code(self) -> int:
        """The number of the method in the engine."""
        return _METHODS.index(self.method)


AUTOMATIC = Solver()


def check_solver(solver: object) -> None:
    """Raise OptionError for what is no Solver."""
    if not isinstance(solver, Solver):
        raise OptionError(f"solver must be an object such as Solver('stiff', tolerance=1e-9), not {solver!r}.")
