"""Models that tests of several rooms use."""

from popmix import *


class Bolus(Model):
    """Correlated clearance and volume, proportional error."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    omega = Block(CL, V, correlation=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.15)
