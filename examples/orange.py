"""Five orange trees, their trunks measured at seven ages: a logistic curve whose asymptote is the tree's own."""

from popmix import *


class OrangeTrees(Model):
    """Circumference = asymptote / (1 + exp((middle - age) / scale))."""

    tvAsymptote = Theta(200, lower=0, unit="mm", label="circumference of an old tree")
    middle = Theta(700, lower=0, unit="day", label="age at half of it")
    scale = Theta(300, lower=0, unit="day", label="days from a half to three quarters, about")

    asymptote = Normal(tvAsymptote, iiv=25)

    DV = Observation(asymptote / (1 + exp((middle - T) / scale)), additive=10)
