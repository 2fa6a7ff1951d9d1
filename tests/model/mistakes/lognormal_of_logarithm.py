from popmix import *


class Case(Model):
    lCL = Theta(-2.0)
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(lCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)
