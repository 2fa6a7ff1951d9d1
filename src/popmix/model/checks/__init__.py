"""Checks of a model's declarations: each yields problems by name, and knows nothing of places."""

from collections.abc import Iterable, Mapping

from popmix.model.checks import dynamics, effects, expressions, names, outcomes, priors, values
from popmix.model.declarations import Declaration
from popmix.model.expression import Expression
from popmix.model.mistakes import Problem

_CHECKS = (values.problems, effects.problems, priors.problems, expressions.problems, dynamics.problems, outcomes.problems, names.problems)


def problems(declarations: Mapping[str, Declaration], also_used: Iterable[Expression] = (), ignore: Iterable[str] = ()) -> list[Problem]:
    """Return everything that is wrong with declarations taken together.

    `also_used` are expressions that use names without being declared (they were refused), `ignore` names that must not be called
    unused (somebody meant them).
    """
    found = [problem for check in _CHECKS for problem in check(declarations)]
    found += names.unused(declarations, also_used, set(ignore))
    return list(dict.fromkeys(found))
