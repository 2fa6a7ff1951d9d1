from popmix import *


class Case(Model):
    WT = Covariate(unit="kg")
    tvCL = Theta(0.0, lower=0, unit="L/h")
    tvV = Theta(10.0, lower=0, unit="L")
    tvKa = Theta(1.0, lower=0, upper=0.5)
    CL = LogNormal(tvCl * (WT / 70) ** 0.75, iiv=-0.3)
    V = LogNormal(tvV, iiv=0.2, ivo=0.1)
    omega = Block(CL, V, correlation=1.3)
    depot = State()
    central = State()
    oral = Dose(depott, lag=0.5)
    central.dt = -CL / V * central
    DV = Observation(central / V)
