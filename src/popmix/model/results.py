"""Names of the population parameters in results, and the declaration that each belongs to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from popmix.model.declarations import Block, Declaration, Eta, IndividualParameter, Observation, Prior, StartValue, Theta
from popmix.model.effects import correlation_name, occasion_of

_RESIDUAL = ("additive", "proportional", "log_additive", "autocorrelation")


@dataclass(frozen=True)
class Slot:
    """Where a result name lives: a declaration, its field, and a position within the field."""

    declaration: str
    field: str
    position: tuple[int, ...] = ()


def result_names(declarations: Mapping[str, Declaration]) -> dict[str, Slot]:
    """Return the slot of every result name: thetas, residual errors, iiv, iov, then correlations."""
    pairs = list(result_pairs(declarations))
    rank = {"theta": 0, "sigma": 1, "iiv": 2, "iov": 3, "corr": 4}
    return {name: slot for _, name, slot in sorted(pairs, key=lambda each: rank[each[0]])}


def result_pairs(declarations: Mapping[str, Declaration]) -> Iterator[tuple[str, str, Slot]]:
    """Yield (kind, result name, slot) by declaration, repetitions included."""
    for name, each in declarations.items():
        if isinstance(each, Theta):
            yield "theta", name, Slot(name, "start")
        elif isinstance(each, IndividualParameter):
            given = [kind for kind in ("iiv", "iov") if getattr(each, kind) is not None]
            yield from ((kind, f"{kind}_{name}", Slot(name, kind)) for kind in given)
        elif isinstance(each, Eta):
            kind = "iov" if each.level is not None and each.level == occasion_of(declarations) else "iiv"
            yield kind, f"{kind}_{name}", Slot(name, "sd")
        elif isinstance(each, Block):
            yield from _correlations(name, each, declarations)
        elif isinstance(each, Observation):
            yield from _residuals(name, each)


def slot_value(declarations: Mapping[str, Declaration], slot: Slot) -> tuple[float, bool]:
    """Return the start value in a slot and whether it is fixed."""
    declared = declarations[slot.declaration]
    value = getattr(declared, slot.field)
    if slot.field == "start":
        return value, declared.fixed
    if slot.field == "correlation":
        row, column = slot.position
        return value[row][column], declared.fixed
    start = value[slot.position[0]] if slot.position else value
    return start.value, start.fixed


def slot_prior(declarations: Mapping[str, Declaration], slot: Slot) -> Prior | None:
    """Return the prior declared for the parameter in a slot; that of correlations belongs to their Block."""
    declared = declarations[slot.declaration]
    if slot.field in ("start", "correlation"):
        return declared.prior
    value = getattr(declared, slot.field)
    return (value[slot.position[0]] if slot.position else value).prior


def with_slot(declared: Declaration, slot: Slot, value: float, fixed: bool | None) -> Declaration:
    """Return the declaration with another start value in a slot; `fixed` None keeps it as it was."""
    if slot.field in ("start", "correlation"):
        new = value if slot.field == "start" else _set(declared.correlation, slot.position, value)
        return replace(declared, **{slot.field: new}, fixed=declared.fixed if fixed is None else fixed)
    old = getattr(declared, slot.field)
    start = old[slot.position[0]] if slot.position else old
    held = start.fixed if fixed is None else fixed
    new = StartValue(value, held, None if held else start.prior)
    if slot.position:
        new = tuple(new if index == slot.position[0] else each for index, each in enumerate(old))
    return replace(declared, **{slot.field: new})


def _set(matrix: tuple[tuple[float, ...], ...], position: tuple[int, int], value: float) -> tuple[tuple[float, ...], ...]:
    places = {position, position[::-1]}
    return tuple(tuple(value if (row, column) in places else each for column, each in enumerate(line)) for row, line in enumerate(matrix))


def _correlations(name: str, block: Block, declarations: Mapping[str, Declaration]) -> Iterator[tuple[str, str, Slot]]:
    for row in range(len(block.members)):
        for column in range(row):
            yield "corr", correlation_name(block, row, column, declarations), Slot(name, "correlation", (row, column))


def _residuals(name: str, declared: Observation) -> Iterator[tuple[str, str, Slot]]:
    for part in _RESIDUAL:
        if getattr(declared, part) is not None:
            yield "sigma", f"{part}_{name}", Slot(name, part)
    if declared.power is not None:
        yield "sigma", f"power_{name}", Slot(name, "power", (0,))
        yield "sigma", f"exponent_{name}", Slot(name, "power", (1,))
