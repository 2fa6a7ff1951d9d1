"""Effects of a concentration: direct ones, the effect compartment, indirect responses, myelosuppression."""

from itertools import pairwise

from popmix.model.blueprint import Choice
from popmix.model.expression import Expression, where
from popmix.model.library.part import ANY, NOT_NEGATIVE, POSITIVE, Part, structure

_GROUP = "Pharmacodynamics"
_DIRECT = (
    "Holford NHG, Sheiner LB. Understanding the dose-effect relationship: clinical application of pharmacokinetic-pharmacodynamic models. "
    "Clin Pharmacokinet 1981;6:429-453"
)
_INDIRECT = (
    "Dayneka NL, Garg V, Jusko WJ. Comparison of four basic models of indirect pharmacodynamic responses. J Pharmacokinet Biopharm "
    "1993;21:457-478; Jusko WJ, Ko HC. Physiologic indirect response models characterize diverse types of pharmacodynamic effects. "
    "Clin Pharmacol Ther 1994;56:406-419"
)
SIDE = Choice(("production", "loss"))


@structure("Emax effect", group=_GROUP, source=_DIRECT)
def EmaxEffect(part: Part, *, concentration: ANY, emax: ANY, ec50: POSITIVE, e0: ANY = None, hill: POSITIVE = None) -> None:
    """A direct effect that rises from e0 (0 when left out) to e0 + emax; emax may be negative. Sigmoid with `hill`.

    effect = e0 + emax C^hill / (ec50^hill + C^hill)
    """
    rise = _saturation(concentration, emax, ec50, hill)
    part.output("effect", rise if e0 is None else e0 + rise)


@structure("inhibitory Emax effect", group=_GROUP, source=_DIRECT)
def InhibitoryEffect(
    part: Part, *, concentration: ANY, e0: ANY, imax: NOT_NEGATIVE, ic50: POSITIVE, hill: POSITIVE = None
) -> None:  # fmt: skip
    """A direct effect that falls from the baseline e0 by the fraction imax of it. Sigmoid with `hill`.

    effect = e0 (1 - imax C^hill / (ic50^hill + C^hill))
    """
    part.output("effect", e0 * (1 - _saturation(concentration, imax, ic50, hill)))


@structure(
    "effect compartment", group=_GROUP,
    source="Sheiner LB, Stanski DR, Vozeh S, Miller RD, Ham J. Simultaneous modeling of pharmacokinetics and pharmacodynamics: application "
    "to d-tubocurarine. Clin Pharmacol Ther 1979;25:358-371",
)  # fmt: skip
def EffectCompartment(part: Part, *, concentration: ANY, ke0: POSITIVE) -> None:
    """The concentration at the site of effect, which follows the one in plasma with a delay: `site.concentration`.

    effect_site' = ke0 (C - effect_site),   concentration = effect_site
    """
    site = part.state("effect_site")
    part.output("concentration", site)
    site.dt = ke0 * (concentration - site)


@structure(
    "indirect response", group=_GROUP, source=_INDIRECT,
    alternatives=((("baseline", "kout"), ("kin", "kout"), ("kin", "baseline")), (("imax", "ic50"), ("smax", "sc50"))),
)  # fmt: skip
def IndirectResponse(
    part: Part, *, concentration: ANY, of: SIDE, kin: POSITIVE = None, kout: POSITIVE = None, baseline: POSITIVE = None,
    imax: NOT_NEGATIVE = None, ic50: POSITIVE = None, smax: NOT_NEGATIVE = None, sc50: POSITIVE = None, hill: POSITIVE = None,
) -> None:  # fmt: skip
    """A response that turns over, and a drug that inhibits (imax, ic50) or stimulates (smax, sc50) its production or its loss.

    of="production": response' = kin (1 + H) - kout response
    of="loss":       response' = kin - kout (1 + H) response
    H = -imax C^hill / (ic50^hill + C^hill)   or   smax C^hill / (sc50^hill + C^hill)

    Model I inhibits production, II inhibits loss, III stimulates production, IV stimulates loss. It starts at its baseline kin / kout;
    two of kin, kout and baseline are given.
    """
    start = kin / kout if baseline is None else baseline
    kin = kout * baseline if kin is None else kin
    kout = kin / baseline if kout is None else kout
    inhibits = imax is not None
    drug = _saturation(concentration, imax, ic50, hill) if inhibits else _saturation(concentration, smax, sc50, hill)
    factor = 1 - drug if inhibits else 1 + drug
    response = part.state("response", init=start)
    if _text(of) == "production":
        response.dt = kin * factor - kout * response
    else:
        response.dt = kin - kout * factor * response


@structure(
    "myelosuppression", group=_GROUP, alternatives=((("slope",), ("emax", "ec50")),),
    source="Friberg LE, Henningsson A, Maas H, Nguyen L, Karlsson MO. Model of chemotherapy-induced myelosuppression with parameter "
    "consistency across drugs. J Clin Oncol 2002;20:4713-4721",
)  # fmt: skip
def FribergMyelosuppression(
    part: Part, *, concentration: ANY, circ0: POSITIVE, mtt: POSITIVE, gamma: NOT_NEGATIVE, slope: NOT_NEGATIVE = None,
    emax: NOT_NEGATIVE = None, ec50: POSITIVE = None,
) -> None:  # fmt: skip
    """Blood cells that proliferate, mature through three transit compartments and circulate; their number feeds back on proliferation.

    proliferating' = ktr proliferating ((1 - E) (circ0 / circulating)^gamma - 1)
    transit1' = ktr (proliferating - transit1), transit2' and transit3' likewise
    circulating' = ktr (transit3 - circulating)
    E = slope C   or   emax C / (ec50 + C);   ktr = 4 / mtt

    All five start at circ0. mtt is the mean transit time from proliferation to circulation.
    """
    effect = slope * concentration if slope is not None else _saturation(concentration, emax, ec50, None)
    ktr = 4 / mtt
    proliferating = part.state("proliferating", init=circ0)
    chain = [part.state(name, init=circ0) for name in ("transit1", "transit2", "transit3", "circulating")]
    proliferating.dt = ktr * proliferating * ((1 - effect) * (circ0 / chain[-1]) ** gamma - 1)
    for before, cells in pairwise((proliferating, *chain)):
        cells.dt = ktr * (before - cells)


def _saturation(concentration: Expression, most: Expression, half: Expression, hill: Expression | None) -> Expression:
    """Return most C^hill / (half^hill + C^hill).

    With `hill` it is 0 where C is not positive: powers of what rounding has made negative, and their derivatives at 0, have no value.
    """
    if hill is None:
        return most * concentration / (half + concentration)
    power = concentration**hill
    return where(concentration > 0, most * power / (half**hill + power), 0)


def _text(choice: Expression) -> str:
    return choice.value
