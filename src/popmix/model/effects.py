"""Random effects of a model: whose they are, and what their standard deviations are called in results."""

from collections.abc import Mapping
from dataclasses import dataclass

from popmix.model.declarations import Block, Declaration, Eta, IndividualParameter, Level, Occasion, StartValue


@dataclass(frozen=True)
class Effect:
    """A random effect: `member` is the declaration that has it, `level` the Occasion or Level it belongs to (None: the subject).

    `name`: the declaration's own, or kappa_<declaration> between occasions; `parameter`: what results call its SD.
    """

    name: str
    member: str
    parameter: str
    sd: StartValue
    level: str | None


def occasion_of(declarations: Mapping[str, Declaration]) -> str | None:
    """Return the name of the Occasion, None without one."""
    return next((name for name, each in declarations.items() if isinstance(each, Occasion)), None)


def levels_of(declarations: Mapping[str, Declaration]) -> tuple[str | None, ...]:
    """Return the levels in the order of their effects: the subject (None), the Occasion, then every Level."""
    occasion = occasion_of(declarations)
    levels = (name for name, each in declarations.items() if isinstance(each, Level))
    return (None, *([occasion] if occasion else []), *levels)


def random_effects(declarations: Mapping[str, Declaration]) -> tuple[Effect, ...]:
    """Return every random effect, those of each level in the order of declaration."""
    occasion, effects = occasion_of(declarations), []
    for name, each in declarations.items():
        if isinstance(each, IndividualParameter):
            effects += [Effect(name, name, f"iiv_{name}", each.iiv, None)] if each.iiv is not None else []
            effects += [Effect(f"kappa_{name}", name, f"iov_{name}", each.iov, occasion)] if each.iov is not None else []
        elif isinstance(each, Eta):
            between = each.level is not None and each.level == occasion
            label = f"kappa_{name}" if between else name
            effects.append(Effect(label, name, f"{'iov' if between else 'iiv'}_{name}", each.sd, each.level))
    levels = levels_of(declarations)
    return tuple(sorted(effects, key=lambda effect: levels.index(effect.level)))


def correlation_name(block: Block, row: int, column: int, declarations: Mapping[str, Declaration]) -> str:
    """Return what results call a correlation of a block, row after column."""
    between = block.level is not None and block.level == occasion_of(declarations)
    return f"{'corr_iov' if between else 'corr'}_{block.members[column]}_{block.members[row]}"
