"""Draw the picture of docs/saem.md: `python scripts/saem_picture.py`."""

from pathlib import Path

import popmix

fit = popmix.fit(popmix.demo().model, popmix.datasets.path("theophylline"), popmix.SAEM(chains=3, automatic=False), seed=1)
popmix.convergence_plot(fit, Path(__file__).parents[1] / "docs" / "images" / "saem.png")
