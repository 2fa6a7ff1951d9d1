"""A model without its random effects: what pooling fits."""

from dataclasses import replace

from popmix.errors import SupportError
from popmix.model.declarations import Block, Eta, IndividualParameter, Level, Mixture, Occasion, Theta
from popmix.model.model import Model


def pooled_model(model: Model) -> Model:
    """Return a model without the random effects of any level. Raises SupportError for a Mixture, whose groups are made of subjects."""
    changed = {}
    for name, one in model.declarations.items():
        if isinstance(one, Mixture):
            raise SupportError(f"{name}, a Mixture, has no meaning without subjects: pooling can't honour it.")
        if isinstance(one, IndividualParameter):
            changed[name] = replace(one, iiv=None, iov=None)
        elif isinstance(one, Eta):
            changed[name] = Theta(0.0, fixed=True)
        elif not isinstance(one, (Block, Level, Occasion)):
            changed[name] = one
    return Model(model.name, model.doc, changed)
