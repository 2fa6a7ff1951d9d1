"""Draw the pictures of the pages about diagnostics: `python scripts/diagnostics_pictures.py` writes them into docs/images."""

from pathlib import Path

import numpy as np

import popmix
from popmix import *
from popmix.model import load

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"


class Challenge(Model):
    """Reactions to a single dose, steep in its ratio to the tolerance of the animal; the covariate X is not in the model."""

    DOSE = Covariate(unit="mg")
    X = Covariate()
    tv = Theta(1.0, lower=0, unit="mg", label="tolerance")
    tolerance = LogNormal(tv, iiv=0.9)
    REACTION = Observation(Bernoulli(expit(25 * log(DOSE / tolerance) + 0 * X)))


def challenged(n: int = 300) -> dict[str, list]:
    """Return reactions of animals whose log tolerance rises by 0.8 with X."""
    random = np.random.default_rng(3)
    x = random.uniform(-1, 1, n)
    tolerance = np.exp(0.8 * x + 0.6 * random.standard_normal(n))
    dose = np.exp(random.uniform(-0.7, 0.7, n))
    reaction = random.random(n) < 1 / (1 + (tolerance / dose) ** 25)
    rows = {"ID": np.arange(n), "TIME": np.zeros(n), "DV": reaction.astype(float), "DOSE": dose, "X": x}
    return {name: values.tolist() for name, values in rows.items()}


def main() -> None:
    """Write all pictures."""
    theophylline = popmix.fit(load(ROOT / "examples" / "theophylline.py"), popmix.datasets.path("theophylline"))
    phenobarbital = popmix.fit(load(ROOT / "examples" / "phenobarbital.py"), popmix.datasets.path("phenobarbital"))
    popmix.gof(theophylline)[0].save(IMAGES / "gof.png")
    popmix.individual_fits(theophylline)[0].save(IMAGES / "individual_fits.png")
    popmix.npde_pictures(phenobarbital)[0].save(IMAGES / "npde.png")
    popmix.vpc(phenobarbital, correction="prediction").picture().save(IMAGES / "vpc.png")
    trap = popmix.fit(Challenge, challenged(), popmix.AGQ(order=15))
    popmix.effect_pictures(trap)[1].save(IMAGES / "shrinkage.png")


if __name__ == "__main__":
    main()
