from popmix import *


class Case(Model):
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    total = Observation(pk.concentration, proportional=0.1, dvid="cp")
    cp = Observation(0.5 * pk.concentration, proportional=0.1)
