"""One-compartment oral model of the simulated benchmark data."""

from popmix import *


class Oral1(Model):
    """First-order absorption, allometric weight on CL and V."""

    WT = Covariate(unit="kg")

    tvCL = Theta(3.0, lower=0, unit="L/h")
    tvV = Theta(50.0, lower=0, unit="L")
    tvKa = Theta(0.7, lower=0, unit="1/h")

    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.4)
    V = LogNormal(tvV * WT / 70, iiv=0.3)
    Ka = LogNormal(tvKa, iiv=0.5)

    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, proportional=0.2)
