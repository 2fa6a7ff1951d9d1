"""Repeated events whose hazard an exposure drives that declines."""

from popmix import *


class Driven(Model):
    """The hazard is integrated together with the exposure."""

    TREATED = Covariate()

    rate = Theta(0.1, lower=0)
    effect = Theta(0.0)
    loss = Theta(0.1, fixed=True)

    base = LogNormal(rate, iiv=0.4)
    exposure = State(init=TREATED)
    exposure.dt = -loss * exposure
    DV = Observation(TimeToEvent(base * exp(effect * exposure)))
