from popmix import *


class Case(Model):
    tvV = Theta(10.0, lower=0)
    CL = LogNormal(Theta(1.0, lower=0), iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)
