"""Enterohepatic recycling."""

import math

from popmix.model.expression import Expression, Reference, cos, where
from popmix.model.library.part import ANY, NOT_NEGATIVE, POSITIVE, Part, balance, structure

_T = Reference("T")


@structure(
    "enterohepatic recycling", group="Pharmacokinetics", doses=True,
    alternatives=((("kempty", "meal", "meal_length"), ("kempty", "meal", "meal_length", "every"), ("release",)), ((), ("q", "v2"))),
    source="Keunecke A, Hoefman S, Drenth HJ, Zisowsky J, Cleton A, Ploeger BA. Population pharmacokinetics of regorafenib in solid "
    "tumours: Exposure in clinical practice considering enterohepatic circulation and food intake. "
    "Br J Clin Pharmacol 2020;86:2362-2376 (the parent drug)",
)  # fmt: skip
def EnterohepaticRecycling(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, kbile: NOT_NEGATIVE, kempty: POSITIVE = None, meal: ANY = None,
    meal_length: POSITIVE = None, every: POSITIVE = None, release: ANY = None, ka: POSITIVE = None, q: NOT_NEGATIVE = None,
    v2: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug that goes with the bile to the gallbladder, and back when the gallbladder empties at meals.

    depot' = -ka depot
    central' = ka depot - (cl / v) central - kbile central + r gallbladder - (q / v) central + (q / v2) peripheral
    peripheral' = (q / v) central - (q / v2) peripheral
    gallbladder' = kbile central - r gallbladder
    r = kempty while T is in a meal, which lasts from `meal` for `meal_length`, and comes back at each multiple of `every`; 0 otherwise

    The emptying can also be given as an expression of T: release=, the rate constant r.
    """
    rate = _emptying(kempty, meal, meal_length, every) if release is None else release
    gains = part.absorption(ka)
    central = part.state("central")
    part.output("concentration", central / v)
    losses = [cl / v * central, kbile * central]
    if q is not None:
        peripheral = part.state("peripheral")
        peripheral.dt = q / v * central - q / v2 * peripheral
        gains.append(q / v2 * peripheral)
        losses.append(q / v * central)
    gallbladder = part.state("gallbladder")
    gallbladder.dt = kbile * central - rate * gallbladder
    central.dt = balance([*gains, rate * gallbladder], losses)


def _emptying(kempty: Expression, meal: Expression, length: Expression, every: Expression | None) -> Expression:
    if every is None:
        return where((meal <= _T) & (meal + length > _T), kempty, 0)
    # T is within half a meal of a meal's middle, counted round the clock of period `every`
    return where(cos(2 * math.pi * (_T - meal - length / 2) / every) > cos(math.pi * length / every), kempty, 0)
