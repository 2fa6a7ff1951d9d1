"""Aphids eaten by ladybirds in a day at six densities: Holling's disc equation, counts that vary more than Poisson's."""

from popmix import *


class Feeding(Model):
    """Attack rate and handling time of each predator; eaten = attack N / (1 + attack handling N) on average."""

    PREY = Covariate(label="prey offered")

    tvAttack = Theta(0.8, lower=0, unit="1/day", label="attack rate at low densities")
    tvHandling = Theta(0.02, lower=0, unit="day", label="time to handle one prey")
    dispersion = Theta(20, lower=0, label="Var = mean + mean^2 / dispersion")

    attack = LogNormal(tvAttack, iiv=0.3)
    handling = LogNormal(tvHandling, iiv=0.4)

    eaten = attack * PREY / (1 + attack * handling * PREY)
    DV = Observation(NegativeBinomial(mean=eaten, dispersion=dispersion))
