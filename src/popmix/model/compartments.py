"""The compartments of a model, in the order that numbers them (CMT = 1, 2, ...)."""

from popmix.model.declarations import State, Structure
from popmix.model.model import Model

Place = tuple[str, str | None]


def compartments(model: Model) -> dict[str, Place]:
    """Return the compartments by label, in the order of declaration, with their places.

    The place is (state, None) or (structure, compartment), as in the target of a Dose. A compartment of a structure goes by its
    own name, as in CMT = "central", or by "pk.central" where several declarations have one of that name.
    """
    places: list[Place] = []
    for name, declared in model.declarations.items():
        if isinstance(declared, State):
            places.append((name, None))
        elif isinstance(declared, Structure):
            places.extend((name, part) for part in declared.compartments)
    plain = [part or owner for owner, part in places]
    return {(part or owner) if plain.count(part or owner) == 1 else f"{owner}.{part}": (owner, part) for owner, part in places}
