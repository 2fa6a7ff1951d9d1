"""Prior distributions of population parameters: `Theta(1.0, prior=priors.Normal(mean, sd))`.

A prior of a theta or of a standard deviation is a density of that number on its natural scale, `LKJ` one of a correlation matrix and
`InverseWishart` one of a covariance matrix (of a variance, where it stands in `Estimate`). NONMEM's NWPRI is `JointNormal` of the thetas
with `InverseWishart` of every block of omega.
"""

from collections.abc import Sequence

from popmix.model.declarations import JointNormal as _JointNormal
from popmix.model.declarations import Prior
from popmix.model.expression import Expression, Reference, Unknown, is_refused
from popmix.model.mistakes import active, did_you_mean, listed, report
from popmix.model.places import Culprit
from popmix.model.wording import number, word

_KINDS = ("Normal", "LogNormal", "HalfNormal", "HalfStudentT", "LKJ", "InverseWishart", "JointNormal")


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
    """LKJ distribution of a correlation matrix R, density ~ det(R)^(shape - 1); shape 1 is uniform."""
    return _prior("LKJ", shape=_positive(shape, "shape"))


@word
def InverseWishart(df: float, scale: float | Sequence[Sequence[float]] = 1.0) -> Prior:
    """Inverse Wishart of a covariance matrix W [K, K], density ~ det(W)^(-(df + K + 1) / 2) exp(-tr(S W^-1) / 2).

    `scale`: the matrix S, or one number for its diagonal. The mean is S / (df - K - 1), the mode S / (df + K + 1).
    """
    if hasattr(scale, "__iter__") and not isinstance(scale, (str, Expression)):
        rows = tuple(tuple(number(each, "scale", "scale") for each in row) if hasattr(row, "__iter__") else (row,) for row in scale)
        df = number(_positive(df, "df"), "df") if df is not None else None
        return Prior("InverseWishart", {"df": df, "scale": rows})
    return _prior("InverseWishart", df=_positive(df, "df"), scale=_positive(scale, "scale"))


@word
def JointNormal(*members: Expression, mean: Sequence[float], covariance: Sequence[Sequence[float]]) -> _JointNormal:
    """Declare a multivariate normal prior of thetas: `typical = priors.JointNormal(tvCL, tvV, mean=(0.1, 8), covariance=((..), (..)))`."""
    names = tuple(_member(each) for each in members)
    if not hasattr(mean, "__iter__") or not hasattr(covariance, "__iter__") or not all(hasattr(row, "__iter__") for row in covariance):
        report("mean must be a list of numbers, and covariance a list of rows", "as in mean=(0.1, 8), covariance=((1, 0), (0, 4))")
        return _JointNormal(tuple(each for each in names if each), (), ())
    rows = tuple(tuple(number(each, "covariance", "covariance") for each in row) for row in covariance)
    return _JointNormal(tuple(each for each in names if each), tuple(number(each, "mean", "mean") for each in mean), rows)


def __getattr__(name: str) -> object:
    if name.startswith("_") or active() is None:
        raise AttributeError(f"popmix has no prior {name}")
    report(f"there is no prior {name}", did_you_mean(name, _KINDS, f"there are {listed(_KINDS)}"), Culprit("attribute", name))
    return Unknown()


def _member(value: object) -> str | None:
    if isinstance(value, Reference):
        return value.name
    if not is_refused(value):
        report("the members of a JointNormal are names of thetas", "as in priors.JointNormal(tvCL, tvV, mean=..., covariance=...)")
    return None


def _positive(value: object, name: str) -> float | None:
    result = number(value, name, name)
    if result is not None and result <= 0:
        report(f"{name} of a prior must be positive, not {result:g}")
    return result


def _prior(kind: str, **arguments: object) -> Prior:
    return Prior(kind, {name: number(value, name, name) for name, value in arguments.items() if value is not None})
