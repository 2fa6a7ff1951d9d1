"""Growth and decay: as states with a differential equation, and as closed forms in T.

The two of a pair agree where a subject's first record is at T = 0. The state may be dosed into, or stand in other equations; the curve
needs no integration.
"""

from popmix.model.expression import Reference, exp, log
from popmix.model.library.part import ANY, POSITIVE, Part, structure

_GROUP = "Growth and decay"
_LOGISTIC = (
    "Verhulst PF. Notice sur la loi que la population suit dans son accroissement. Correspondance mathématique et physique 1838;10:113-121"
)
_GOMPERTZ = (
    "Gompertz B. On the nature of the function expressive of the law of human mortality. Phil Trans R Soc Lond 1825;115:513-583; "
    "Laird AK. Dynamics of tumor growth. Br J Cancer 1964;18:490-502"
)
_BERTALANFFY = "von Bertalanffy L. A quantitative theory of organic growth (inquiries on growth laws II). Hum Biol 1938;10:181-213"
_PLATEAU = "Seber GAF, Wild CJ. Nonlinear Regression. New York: Wiley; 1989 (the monomolecular growth model, for either direction)"
_T = Reference("T")


@structure("logistic growth", group=_GROUP, source=_LOGISTIC)
def LogisticGrowth(part: Part, *, size0: POSITIVE, rate: ANY, capacity: POSITIVE) -> None:
    """A population that grows towards its capacity, fastest at half of it.

    size' = rate size (1 - size / capacity),   size = size0 at the start
    """
    size = part.state("size", init=size0)
    size.dt = rate * size * (1 - size / capacity)


@structure("logistic growth in closed form", group=_GROUP, source=_LOGISTIC)
def LogisticCurve(part: Part, *, size0: POSITIVE, rate: ANY, capacity: POSITIVE) -> None:
    """LogisticGrowth solved.

    size = capacity / (1 + (capacity / size0 - 1) exp(-rate T))
    """
    part.output("size", capacity / (1 + (capacity / size0 - 1) * exp(-rate * _T)))


@structure("Gompertz growth", group=_GROUP, source=_GOMPERTZ)
def GompertzGrowth(part: Part, *, size0: POSITIVE, rate: ANY, capacity: POSITIVE) -> None:
    """Growth towards a capacity at a specific rate that falls exponentially in time; fastest at capacity / e.

    size' = rate size log(capacity / size),   size = size0 at the start
    """
    size = part.state("size", init=size0)
    size.dt = rate * size * log(capacity / size)


@structure("Gompertz growth in closed form", group=_GROUP, source=_GOMPERTZ)
def GompertzCurve(part: Part, *, size0: POSITIVE, rate: ANY, capacity: POSITIVE) -> None:
    """GompertzGrowth solved.

    size = capacity exp(log(size0 / capacity) exp(-rate T))
    """
    part.output("size", capacity * exp(log(size0 / capacity) * exp(-rate * _T)))


@structure("von Bertalanffy growth in length", group=_GROUP, source=_BERTALANFFY)
def VonBertalanffyGrowth(part: Part, *, length0: POSITIVE, rate: POSITIVE, asymptote: POSITIVE) -> None:
    """Length that approaches its asymptote, at a speed proportional to what is missing.

    length' = rate (asymptote - length),   length = length0 at the start
    """
    length = part.state("length", init=length0)
    length.dt = rate * (asymptote - length)


@structure("von Bertalanffy growth in closed form", group=_GROUP, source=_BERTALANFFY)
def VonBertalanffyCurve(part: Part, *, length0: POSITIVE, rate: POSITIVE, asymptote: POSITIVE) -> None:
    """VonBertalanffyGrowth solved.

    length = asymptote - (asymptote - length0) exp(-rate T)
    """
    part.output("length", asymptote - (asymptote - length0) * exp(-rate * _T))


@structure("decay to a plateau", group=_GROUP, source=_PLATEAU)
def DecayToPlateau(part: Part, *, level0: ANY, rate: POSITIVE, plateau: ANY) -> None:
    """A level that decays exponentially to a plateau (on the scale of the level, not as a fraction), or rises to it.

    level' = -rate (level - plateau),   level = level0 at the start
    """
    level = part.state("level", init=level0)
    level.dt = -rate * (level - plateau)


@structure("decay to a plateau in closed form", group=_GROUP, source=_PLATEAU)
def PlateauCurve(part: Part, *, level0: ANY, rate: POSITIVE, plateau: ANY) -> None:
    """DecayToPlateau solved.

    level = plateau + (level0 - plateau) exp(-rate T)
    """
    part.output("level", plateau + (level0 - plateau) * exp(-rate * _T))
