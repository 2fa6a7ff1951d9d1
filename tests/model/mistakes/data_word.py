from popmix import *


class Case(Model):
    TIME = Covariate()
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration * exp(-0.01 * TIME), proportional=0.1)
