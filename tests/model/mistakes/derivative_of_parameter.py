from popmix import *


class Case(Model):
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    central = State()
    central.dt = -CL / V * central
    CL.dt = -0.1 * CL
    DV = Observation(central / V, proportional=0.1)
