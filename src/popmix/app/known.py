"""A number that popmix did not make: the objective of a published theophylline fit, which `popmix doctor` computes again.

Source: R package nlme 3.1-162, `nlme(conc ~ SSfol(Dose, Time, lKe, lKa, lCl), Theoph)` with independent random effects on lKa and lCl,
by maximum likelihood. With a constant residual error nlme's likelihood is the FOCE approximation; -2 log L without n log 2π.
"""

from popmix.model import LogNormal, Model, Observation, OneCompartment, Theta, exp

THEOPHYLLINE_OFV = 111.444899565353
TOLERANCE = 1e-3

VALUES = {
    "lKe": -2.4546786369728,
    "lKa": 0.465634892372053,
    "lCL": -3.22721210495127,
    "iiv_Ka": 0.6436986293754268,
    "iiv_CL": 0.16692513952403995,
    "additive_DV": 0.709241878949688,
}


class TheophyllineLog(Model):
    """One compartment, oral, in the logarithms of Ke, Ka and CL; dose in mg/kg."""

    lKe = Theta(-2.45, label="log of the elimination rate in 1/h")
    lKa = Theta(0.46, label="log of the absorption rate in 1/h")
    lCL = Theta(-3.2, label="log of the clearance in L/h/kg")
    Ka = LogNormal(exp(lKa), iiv=0.6)
    CL = LogNormal(exp(lCL), iiv=0.2)
    pk = OneCompartment(cl=CL, v=CL / exp(lKe), ka=Ka)
    DV = Observation(pk.concentration, additive=0.7)
