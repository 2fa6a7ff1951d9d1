"""Two compartments after an infusion, clearance varying between occasions."""

from popmix import *


class Occasions(Model):
    """Effects on CL, V1 and V2 between subjects, on CL between occasions."""

    OCC = Occasion()

    tvCL = Theta(3.0, lower=0)
    tvV1 = Theta(12.0, lower=0)
    tvQ = Theta(2.5, lower=0)
    tvV2 = Theta(25.0, lower=0)

    CL = LogNormal(tvCL, iiv=0.4, iov=0.25)
    V1 = LogNormal(tvV1, iiv=0.35)
    V2 = LogNormal(tvV2, iiv=0.4)

    pk = TwoCompartments(cl=CL, v1=V1, q=tvQ, v2=V2)
    DV = Observation(pk.concentration, proportional=0.25)
