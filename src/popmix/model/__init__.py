"""The language: words that declare, the Model they make, and its checks, printing, reading and writing."""

from popmix.model import priors
from popmix.model.declarations import Reserved
from popmix.model.functions import cos, erf, exp, expit, gamma, lgamma, log, logit, sin, sqrt, tanh, where
from popmix.model.handles import Handle
from popmix.model.model import Model
from popmix.model.outcomes import (
    Bernoulli,
    Binomial,
    Categorical,
    LogLikelihood,
    NegativeBinomial,
    Ordinal,
    Poisson,
    TimeToEvent,
    ZeroInflatedPoisson,
)
from popmix.model.reading import load, read
from popmix.model.words import (
    Block,
    BoxCox,
    Covariate,
    Dose,
    Eta,
    Fixed,
    Level,
    LogitNormal,
    LogNormal,
    Mixture,
    Normal,
    Observation,
    Occasion,
    OneCompartment,
    ProbitNormal,
    State,
    StudentT,
    Theta,
    ThreeCompartments,
    TwoCompartments,
)
from popmix.model.writing import write

# handles, not plain references: Python asks the right operand of `T < x` first when only that one is of the subclass
T = Handle("T", Reserved())
"""Time, on the data's clock."""

TAD = Handle("TAD", Reserved())
"""Time after the last dose."""

Y = Handle("Y", Reserved())
"""The value observed, in LogLikelihood."""

__all__ = [
    "Bernoulli",
    "Binomial",
    "Block",
    "BoxCox",
    "Categorical",
    "Covariate",
    "Dose",
    "Eta",
    "Fixed",
    "Level",
    "LogLikelihood",
    "LogNormal",
    "LogitNormal",
    "Mixture",
    "Model",
    "NegativeBinomial",
    "Normal",
    "Observation",
    "Occasion",
    "OneCompartment",
    "Ordinal",
    "Poisson",
    "ProbitNormal",
    "State",
    "StudentT",
    "T",
    "TAD",
    "Theta",
    "ThreeCompartments",
    "TimeToEvent",
    "TwoCompartments",
    "Y",
    "ZeroInflatedPoisson",
    "cos",
    "erf",
    "exp",
    "expit",
    "gamma",
    "lgamma",
    "load",
    "log",
    "logit",
    "priors",
    "read",
    "sin",
    "sqrt",
    "tanh",
    "where",
    "write",
]
