"""The method that suits a model when nobody chooses one."""

from popmix.estimate.foce import FOCE
from popmix.estimate.marginal import Marginal
from popmix.estimate.quadrature import Laplace
from popmix.model.declarations import Distribution
from popmix.model.model import Model


def default_method(model: Model) -> Marginal:
    """Return FOCE where all outcomes are continuous, otherwise Laplace."""
    others = [one for one in model.observations.values() if isinstance(one.prediction, Distribution) or one.student is not None]
    return Laplace() if others else FOCE()
