"""Sparse oral pharmacokinetics, with starts away from the truth."""

from popmix import *


class Sparse(Model):
    """One compartment with first-order absorption."""

    tvCL = Theta(3.0, lower=0)
    tvV = Theta(15.0, lower=0)
    tvKa = Theta(0.8, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.4)
    Ka = LogNormal(tvKa, iiv=0.4)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, proportional=0.2)
