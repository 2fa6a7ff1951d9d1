"""Two compartments with an oral dose and an elimination that saturates, at steady state."""

from popmix import *


class Saturable(Model):
    """At most 20 mg/h leave, on average 8.3 mg/h arrive (100 mg every 12 h)."""

    tvVmax = Theta(20.0, lower=0, unit="mg/h")
    KM = Theta(2.0, lower=0, unit="mg/L")
    tvV1 = Theta(30.0, lower=0, unit="L")
    tvQ = Theta(4.0, lower=0, unit="L/h")
    tvV2 = Theta(40.0, lower=0, unit="L")
    tvKa = Theta(1.0, lower=0, unit="1/h")

    Vmax = LogNormal(tvVmax, iiv=0.2)
    V1 = LogNormal(tvV1, iiv=0.2)
    Q = LogNormal(tvQ, iiv=0.2)
    V2 = LogNormal(tvV2, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.2)

    pk = TwoCompartments(vmax=Vmax, km=KM, v1=V1, q=Q, v2=V2, ka=Ka)
    DV = Observation(pk.concentration, proportional=0.1)
