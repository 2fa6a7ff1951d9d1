"""Repeated events with a Weibull hazard."""

from popmix import *


class Seizures(Model):
    """The hazard of each subject changes with time and treatment."""

    TREATED = Covariate()

    rate = Theta(0.1, lower=0)
    effect = Theta(0.0)
    shape = Theta(1.2, lower=0)

    base = LogNormal(rate, iiv=0.4)
    DV = Observation(TimeToEvent(base * exp(effect * TREATED) * shape * T ** (shape - 1)))
