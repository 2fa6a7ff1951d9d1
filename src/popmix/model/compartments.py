"""The compartments of a model, in the order that numbers them (CMT = 1, 2, ...)."""

from popmix.model.declarations import State, Structure
from popmix.model.model import Model

Place = tuple[str, str | None]


def compartments(model: Model) -> dict[str, Place]:
    """Return the compartments by label, in the order of declaration, with their places.

    The place is (state, None) or (structure, compartment), as in the target of a Dose. A compartment of a structure goes by its
    own name, as in CMT = "central", or by "pk.central" where something else has that name too; a state always by its own.
    """
    places: list[Place] = []
    for name, declared in model.declarations.items():
        if isinstance(declared, State):
            places.append((name, None))
        elif isinstance(declared, Structure):
            places.extend((name, part) for part in declared.compartments)
    plain = [part or owner for owner, part in places]
    return {f"{owner}.{part}" if part and plain.count(part) > 1 else part or owner: (owner, part) for owner, part in places}


def qualified(model: Model) -> dict[str, str]:
    """Return the labels of compartments of structures by their full names, "pk.central", which CMT may always hold."""
    return {f"{owner}.{part}": label for label, (owner, part) in compartments(model).items() if part}
