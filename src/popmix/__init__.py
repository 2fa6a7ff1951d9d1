"""popmix: nonlinear mixed-effects models in plain Python.

`from popmix import *` gives the words of the model language; everything else is an attribute of the package
(`popmix.fit`, `popmix.evaluate`, `popmix.read`, ...). Names are loaded on first use, so importing popmix is quick.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_LANGUAGE = (
    "Model", "Theta", "Covariate", "Normal", "LogNormal", "LogitNormal", "ProbitNormal", "BoxCox", "StudentT", "Eta", "Block", "Fixed",
    "Estimate",
    "State", "Dose", "Observation", "OneCompartment", "TwoCompartments", "ThreeCompartments", "Occasion", "Level", "Mixture",
    "Bernoulli", "Binomial", "Poisson", "NegativeBinomial", "ZeroInflatedPoisson", "Ordinal", "Categorical", "TimeToEvent",
    "ZeroInflatedNegativeBinomial", "Markov",
    "LogLikelihood", "priors", "T", "TAD", "Y", "where", "exp", "log", "sqrt", "expit", "logit", "erf", "lgamma", "gamma",
    "sin", "cos", "tanh",
    "EnterohepaticRecycling", "transit_profile", "weibull_profile", "inverse_gaussian_profile",
    "TMDD", "TMDDRapidBinding", "TMDDQuasiSteadyState", "TMDDWagner", "TMDDIrreversibleBinding", "TMDDMichaelisMenten",
    "EmaxEffect", "InhibitoryEffect", "EffectCompartment", "IndirectResponse", "FribergMyelosuppression",
    "ClaretTumourGrowth", "SimeoniTumourGrowth", "LogisticGrowth", "LogisticCurve", "GompertzGrowth", "GompertzCurve",
    "VonBertalanffyGrowth", "VonBertalanffyCurve", "DecayToPlateau", "PlateauCurve",
)  # fmt: skip

_HOME = {
    **dict.fromkeys(_LANGUAGE, "popmix.model"),
    "load": "popmix.model",
    "write": "popmix.model",
    "Parameters": "popmix.model.parameters",
    "EventTable": "popmix.data",
    "read": "popmix.app.reading",
    "check": "popmix.app",
    "card": "popmix.data",
    "datasets": "popmix.data.datasets",
    "fit": "popmix.estimate",
    "evaluate": "popmix.estimate",
    "Fit": "popmix.estimate",
    "FO": "popmix.estimate",
    "FOCE": "popmix.estimate",
    "Laplace": "popmix.estimate",
    "AGQ": "popmix.estimate",
    "SAEM": "popmix.estimate",
    "IMP": "popmix.estimate",
    "IMPMAP": "popmix.estimate",
    "importance": "popmix.estimate",
    "Importance": "popmix.estimate",
    "conditional": "popmix.estimate",
    "convergence_plot": "popmix.plot",
    "plot": "popmix.plot",
    "NUTS": "popmix.estimate",
    "Posterior": "popmix.estimate",
    "two_stage": "popmix.estimate",
    "pooled": "popmix.estimate",
    "compare": "popmix.estimate",
    "covariance": "popmix.uncertainty",
    "Covariance": "popmix.uncertainty",
    "derived": "popmix.uncertainty",
    "profile": "popmix.uncertainty",
    "sir": "popmix.uncertainty",
    "Solver": "popmix.likelihood",
    "residuals": "popmix.diagnose.residuals",
    "shrinkage": "popmix.diagnose.shrinkage",
    "curves": "popmix.diagnose.curves",
    "vpc": "popmix.diagnose.vpc.check",
    "npc": "popmix.diagnose.vpc.check",
    "gof": "popmix.diagnose.pictures",
    "npde_pictures": "popmix.diagnose.pictures",
    "individual_fits": "popmix.diagnose.pictures",
    "effect_pictures": "popmix.diagnose.random_effects",
    "influence": "popmix.diagnose.influence",
    "compare_fits": "popmix.diagnose.contrast",
    "identifiability": "popmix.diagnose.identifiability",
    "covariate_effects": "popmix.diagnose.covariate_effects",
    "profile_picture": "popmix.diagnose.uncertainty_pictures",
    "draws_pictures": "popmix.diagnose.uncertainty_pictures",
    "gallery": "popmix.diagnose.gallery",
    "Picture": "popmix.plot",
    "report": "popmix.report",
    "open_run": "popmix.interop.opening",
    "simulate": "popmix.simulate",
    "save": "popmix.interop.run_folder",
    "demo": "popmix.app",
    "library": "popmix.app",
    "doctor": "popmix.app",
    "Table": "popmix.table",
    "PopmixError": "popmix.errors",
    "ModelError": "popmix.errors",
    "DataError": "popmix.errors",
    "SupportError": "popmix.errors",
    "OptionError": "popmix.errors",
    "FitError": "popmix.errors",
    "Interrupted": "popmix.errors",
}

# names that stand for a module; report and simulate are called like functions
_MODULES = {"datasets", "plot", "report", "simulate"}

__all__ = list(_LANGUAGE)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"popmix has no {name!r}")
    home = _HOME[name]
    value = importlib.import_module(home) if name in _MODULES else getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
