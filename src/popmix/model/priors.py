"""Prior distributions of population parameters: `Theta(1.0, prior=priors.Normal(mean, sd))`."""

from popmix.model.declarations import Prior
from popmix.model.expression import Unknown
from popmix.model.mistakes import active, did_you_mean, listed, report
from popmix.model.places import Culprit
from popmix.model.wording import number, word

_KINDS = ("Normal", "LogNormal", "HalfNormal", "HalfStudentT", "LKJ", "InverseWishart")


@word
def Normal(mean: float, sd: float) -> Prior:
    """Normal with mean and standard deviation."""
    return _prior("Normal", mean=mean, sd=_positive(sd, "sd"))


@word
def LogNormal(mean: float, sd: float) -> Prior:
    """Log-normal: the logarithm is normal with `mean` and `sd`."""
    return _prior("LogNormal", mean=mean, sd=_positive(sd, "sd"))


@word
def HalfNormal(sd: float) -> Prior:
    """Half-normal on the positive numbers: |x|, x ~ N(0, sd^2)."""
    return _prior("HalfNormal", sd=_positive(sd, "sd"))


@word
def HalfStudentT(df: float, scale: float) -> Prior:
    """Half-Student on the positive numbers, with degrees of freedom and scale."""
    return _prior("HalfStudentT", df=_positive(df, "df"), scale=_positive(scale, "scale"))


@word
def LKJ(shape: float) -> Prior:
    """LKJ distribution of a correlation matrix; shape 1 is uniform."""
    return _prior("LKJ", shape=_positive(shape, "shape"))


@word
def InverseWishart(df: float, scale: float = 1.0) -> Prior:
    """Inverse Wishart of a covariance matrix, with degrees of freedom and the scale of its diagonal."""
    return _prior("InverseWishart", df=_positive(df, "df"), scale=_positive(scale, "scale"))


def __getattr__(name: str) -> object:
    if name.startswith("_") or active() is None:
        raise AttributeError(f"popmix has no prior {name}")
    report(f"there is no prior {name}", did_you_mean(name, _KINDS, f"there are {listed(_KINDS)}"), Culprit("attribute", name))
    return Unknown()


def _positive(value: object, name: str) -> float | None:
    result = number(value, name, name)
    if result is not None and result <= 0:
        report(f"{name} of a prior must be positive, not {result:g}")
    return result


def _prior(kind: str, **arguments: object) -> Prior:
    return Prior(kind, {name: number(value, name, name) for name, value in arguments.items() if value is not None})
