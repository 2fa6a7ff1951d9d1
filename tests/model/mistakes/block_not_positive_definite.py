from popmix import *


class Case(Model):
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    Ka = LogNormal(1.5, iiv=0.5)
    V = LogNormal(tvV, iiv=0.2)
    omega = Block(
        CL, V, Ka,
        correlation=((1, 0.9, 0.9), (0.9, 1, -0.9), (0.9, -0.9, 1)),
    )
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, proportional=0.1)
