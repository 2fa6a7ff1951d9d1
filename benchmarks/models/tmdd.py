"""Target-mediated disposition with the kinetics of binding, on the simulated benchmark data."""

from popmix import *


class FullTMDD(Model):
    """Two compartments, four states; binding about as fast as what else happens, at the doses that it is measured with."""

    WT = Covariate(unit="kg")

    tvCL = Theta(0.25, lower=0, unit="L/day")
    tvV = Theta(3.0, lower=0, unit="L")
    tvQ = Theta(0.5, lower=0, unit="L/day")
    tvV2 = Theta(2.5, lower=0, unit="L")
    tvR0 = Theta(5.0, lower=0, unit="nM")
    KON = Theta(0.2, lower=0, unit="1/nM/day")
    KD = Theta(0.5, lower=0, unit="nM")
    KINT = Theta(0.2, lower=0, unit="1/day")
    KDEG = Theta(0.8, lower=0, unit="1/day")

    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    V = LogNormal(tvV * WT / 70, iiv=0.2)
    R0 = LogNormal(tvR0, iiv=0.3)

    pk = TMDD(cl=CL, v=V, q=tvQ * (WT / 70) ** 0.75, v2=tvV2 * WT / 70, r0=R0, kon=KON, kd=KD, kint=KINT, kdeg=KDEG)
    DV = Observation(pk.free, proportional=0.15)
