from popmix import *


class Case(Model):
    WT = Covariate()
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV * where(WT > 50 and WT < 90, 1, 2), iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)
