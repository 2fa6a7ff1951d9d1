from popmix import *


class Case(Model):
    CL = LogNormal(tvCL, iiv=0.3)
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)
