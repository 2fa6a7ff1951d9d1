"""Autoantibodies after a treatment that removes the cells which make them: decay to a plateau, sampled when patients happened to come."""

from popmix import *


class Autoantibody(Model):
    """Titre at the start, rate of decay and plateau differ between patients; the assay has a lower limit of quantification."""

    tvBase = Theta(100, lower=0, unit="U/mL", label="titre at the start")
    tvRate = Theta(0.04, lower=0, unit="1/day", label="rate of decay")
    tvPlateau = Theta(0.2, lower=0, upper=1, label="plateau as a share of the start")

    base = LogNormal(tvBase, iiv=0.5)
    rate = LogNormal(tvRate, iiv=0.3)
    plateau = LogitNormal(tvPlateau, iiv=0.7)

    titre = base * (plateau + (1 - plateau) * exp(-rate * T))
    DV = Observation(titre, log_additive=0.3, lloq=15)
