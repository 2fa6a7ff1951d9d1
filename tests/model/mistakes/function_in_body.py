from popmix import *


class Case(Model):
    tvCL = Theta(1.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    def concentration(self):
        return 1
    DV = Observation(pk.concentration, proportional=0.1)
