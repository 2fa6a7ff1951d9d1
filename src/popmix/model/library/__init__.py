"""The library: ready structures, each an ordinary part of a model that could be written with State and .dt.

Every structure is a word (`OneCompartment(...)`) and expands into states, outputs and doses; the module of its chapter holds its equations
and its source. `part.py` says how one is declared.
"""

from popmix.model.library.effects import EffectCompartment, EmaxEffect, FribergMyelosuppression, IndirectResponse, InhibitoryEffect
from popmix.model.library.growth import (
    DecayToPlateau,
    GompertzCurve,
    GompertzGrowth,
    LogisticCurve,
    LogisticGrowth,
    PlateauCurve,
    VonBertalanffyCurve,
    VonBertalanffyGrowth,
)
from popmix.model.library.mammillary import OneCompartment, ThreeCompartments, TwoCompartments, is_linear, mammillary_rates
from popmix.model.library.part import Expansion, expand
from popmix.model.library.profiles import inverse_gaussian_profile, transit_profile, weibull_profile
from popmix.model.library.recycling import EnterohepaticRecycling
from popmix.model.library.tmdd import (
    TMDD,
    TMDDIrreversibleBinding,
    TMDDMichaelisMenten,
    TMDDQuasiSteadyState,
    TMDDRapidBinding,
    TMDDWagner,
)
from popmix.model.library.tumours import ClaretTumourGrowth, SimeoniTumourGrowth

__all__ = [
    "OneCompartment", "TwoCompartments", "ThreeCompartments", "EnterohepaticRecycling",
    "transit_profile", "weibull_profile", "inverse_gaussian_profile",
    "TMDD", "TMDDRapidBinding", "TMDDQuasiSteadyState", "TMDDWagner", "TMDDIrreversibleBinding", "TMDDMichaelisMenten",
    "EmaxEffect", "InhibitoryEffect", "EffectCompartment", "IndirectResponse", "FribergMyelosuppression",
    "ClaretTumourGrowth", "SimeoniTumourGrowth",
    "LogisticGrowth", "LogisticCurve", "GompertzGrowth", "GompertzCurve", "VonBertalanffyGrowth", "VonBertalanffyCurve",
    "DecayToPlateau", "PlateauCurve",
    "Expansion", "expand", "is_linear", "mammillary_rates",
]  # fmt: skip
