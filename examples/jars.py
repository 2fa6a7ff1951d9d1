"""Deaths of daphnids in jars at six concentrations of a contaminant: a log-logistic curve for each jar, fitted together."""

from popmix import *


class Jars(Model):
    """Mortality rises from a background that differs between jars; so does the concentration that kills half of the rest."""

    DOSE = Covariate(unit="mg/L", label="concentration of the contaminant")
    N = Covariate(label="animals exposed")

    background = Theta(-2.5, label="logit of the mortality without contaminant")
    tvED50 = Theta(12.0, lower=0, unit="mg/L", label="concentration that kills half")
    slope = Theta(1.5, lower=0, label="steepness")

    base = Normal(background, iiv=0.3)
    ED50 = LogNormal(tvED50, iiv=0.3)

    p0 = expit(base)
    p = p0 + (1 - p0) * DOSE**slope / (ED50**slope + DOSE**slope)
    DV = Observation(Binomial(n=N, p=p))
