from popmix import *


class Case(Model):
    iiv_CL = Theta(0.5, lower=0)
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV * iiv_CL, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)
