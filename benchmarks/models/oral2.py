"""Two-compartment oral model of the simulated benchmark data."""

from popmix import *


class Oral2(Model):
    """First-order absorption, allometric weight on clearances and volumes."""

    WT = Covariate(unit="kg")

    tvCL = Theta(3.0, lower=0, unit="L/h")
    tvV1 = Theta(50.0, lower=0, unit="L")
    tvQ = Theta(3.0, lower=0, unit="L/h")
    tvV2 = Theta(30.0, lower=0, unit="L")
    tvKa = Theta(0.7, lower=0, unit="1/h")

    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.4)
    V1 = LogNormal(tvV1 * WT / 70, iiv=0.4)
    Q = LogNormal(tvQ * (WT / 70) ** 0.75, iiv=0.4)
    V2 = LogNormal(tvV2 * WT / 70, iiv=0.4)
    Ka = LogNormal(tvKa, iiv=0.4)

    pk = TwoCompartments(cl=CL, v1=V1, q=Q, v2=V2, ka=Ka)
    DV = Observation(pk.concentration, proportional=0.25)
