"""The first thing to try: theophylline in twelve subjects, what `popmix demo` does."""

from typing import Any

from popmix.app.theophylline import Theophylline
from popmix.data import datasets
from popmix.estimate import FOCE, Fit, fit

NEXT_STEPS = """
What next:
  popmix fit MODEL.py DATA.csv --out run1    your own model and data; the results go to the folder run1
  popmix check MODEL.py DATA.csv             what popmix finds in them before it fits
  popmix doctor                              whether this installation is sound
The model of this fit, to start your own from: print(popmix.write(popmix.demo().model))"""


def demo(progress: Any = None) -> Fit:
    """Fit the one-compartment model to the bundled theophylline data by FOCEI and return the fit."""
    return fit(Theophylline, datasets.load("theophylline"), FOCE(), progress=progress)
