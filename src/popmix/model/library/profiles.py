"""Absorption profiles: densities of the time from a dose to its arrival, for `profile=` of a structure or a Dose.

In a profile TAD is the time since the dose in question (since the end of its lag), whichever others there are; the rates of all doses
add up. A density is 0 at TAD = 0, where some of the formulas have no value.
"""

import inspect
import math
from collections.abc import Callable

from popmix.model.blueprint import PROFILES, Entry
from popmix.model.expression import Expression, Reference, as_expression, exp, lgamma, log, sqrt, where
from popmix.model.library.part import POSITIVE
from popmix.model.mistakes import report
from popmix.model.places import Culprit
from popmix.model.wording import word

_TAD = Reference("TAD")


def _profile(title: str, source: str) -> Callable[[Callable], Callable[..., Expression]]:
    def made(build: Callable) -> Callable[..., Expression]:
        doc = inspect.cleandoc(build.__doc__)
        PROFILES[build.__name__] = Entry(build.__name__, title, "Absorption profiles", source, doc, inspect.signature(build))
        return word(build)

    return made


@_profile(
    "transit compartments",
    "Savic RM, Jonker DM, Kerbusch T, Karlsson MO. Implementation of a transit compartment model for describing drug absorption in "
    "pharmacokinetic studies. J Pharmacokinet Pharmacodyn 2007;34:711-726",
)
def transit_profile(mtt: POSITIVE, n: POSITIVE) -> Expression:
    """The time through n transit compartments (any positive number) with mean mtt: a gamma density of shape n + 1.

    ktr (ktr TAD)^n exp(-ktr TAD) / Gamma(n + 1),   ktr = (n + 1) / mtt

    With `ka` it feeds the depot, as in the paper; without, the central compartment.
    """
    mtt, n = _positive("mtt", mtt), _positive("n", n)
    ktr = (n + 1) / mtt
    return where(_TAD > 0, exp(log(ktr) + n * log(ktr * _TAD) - ktr * _TAD - lgamma(n + 1)), 0)


@_profile(
    "Weibull absorption",
    "Piotrovskii VK. The use of Weibull distribution to describe the in vivo absorption kinetics. J Pharmacokinet Biopharm 1987;15:681-686",
)
def weibull_profile(scale: POSITIVE, shape: POSITIVE) -> Expression:
    """A Weibull density: 63% of the dose has arrived at TAD = scale; shape 1 is first-order absorption with ka = 1 / scale.

    (shape / scale) (TAD / scale)^(shape - 1) exp(-(TAD / scale)^shape)
    """
    scale, shape = _positive("scale", scale), _positive("shape", shape)
    part = _TAD / scale
    return where(_TAD > 0, shape / scale * part ** (shape - 1) * exp(-(part**shape)), 0)


@_profile(
    "inverse Gaussian absorption",
    "Weiss M. A novel extravascular input function for the assessment of drug absorption in bioavailability studies. Pharm Res "
    "1996;13:1547-1553",
)
def inverse_gaussian_profile(mat: POSITIVE, cv2: POSITIVE) -> Expression:
    """An inverse Gaussian density with the mean absorption time mat and the squared coefficient of variation cv2.

    sqrt(mat / (2 pi cv2 TAD^3)) exp(-(TAD - mat)^2 / (2 cv2 mat TAD))
    """
    mat, cv2 = _positive("mat", mat), _positive("cv2", cv2)
    return where(_TAD > 0, sqrt(mat / (2 * math.pi * cv2 * _TAD**3)) * exp(-((_TAD - mat) ** 2) / (2 * cv2 * mat * _TAD)), 0)


def _positive(name: str, value: object) -> Expression | float:
    """Leave numbers as they are, so that arithmetic on them is done at once and can be written and read; they must be positive."""
    if not isinstance(value, (int, float)):
        return as_expression(value)
    if not value > 0:
        report(f"{name} must be positive", "", Culprit("keyword", name))
        return 1.0
    return value
