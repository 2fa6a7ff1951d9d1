"""Data sets that come with popmix.

theophylline: 12 subjects, one oral dose (AMT in mg/kg at time 0), 11 serum concentrations each over 25 h (DV, mg/L; TIME, h; WT, kg).
    Boeckmann AJ, Sheiner LB, Beal SL (1994). NONMEM Users Guide: Part V. University of California, San Francisco. Numbers as in R's
    `datasets::Theoph`.
phenobarbital: 59 newborns, routine intravenous doses (AMT, mg), 155 serum concentrations (DV, mg/L; TIME, h; WGT, birth weight in kg; APGR,
    5-minute Apgar score). Grasela TH, Donn SM (1985). Neonatal population pharmacokinetics of phenobarbital derived from routine
    clinical data. Developmental Pharmacology and Therapeutics 8, 374-383. Numbers as in R's `nlme::Phenobarb`.
warfarin: 32 simulated subjects, one oral dose of 1.5 mg/kg (AMT, mg), concentrations (DVID cp, mg/L) and prothrombin complex activity
    (DVID pca, %) over 144 h, with WT (kg), AGE (years) and SEX (1 man, 0 woman). Made by `scripts/simulate_warfarin.py`.
orange: the circumference of the trunks (DV, mm) of five orange trees at seven ages (TIME, days). Draper NR, Smith H (1998). Applied
    Regression Analysis, 3rd ed. Wiley, New York, exercise 24.N. Numbers as in R's `datasets::Orange`.
jars, autoantibody, feeding: simulated by `scripts/simulate_examples.py`. Deaths (DV) among N animals of 20 jars at concentrations DOSE
    (mg/L); titres (DV, U/mL) of 40 patients at days TIME, CENS=1 below 15 U/mL; prey eaten (DV) of PREY offered by 40 predators.
"""

from pathlib import Path

from popmix.data.reading import read
from popmix.data.table import EventTable
from popmix.errors import OptionError

NAMES = ("theophylline", "phenobarbital", "warfarin", "orange", "jars", "autoantibody", "feeding")


def path(name: str) -> Path:
    """Return the path of a bundled CSV file. Raises OptionError for an unknown name."""
    if name not in NAMES:
        raise OptionError(f"There is no data set {name!r}: choose one of {', '.join(NAMES)}.")
    return Path(__file__).with_name(f"{name}.csv")


def load(name: str) -> EventTable:
    """Return a bundled data set as an event table. Raises OptionError for an unknown name."""
    return read(path(name))
