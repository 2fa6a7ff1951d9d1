"""Mammillary compartments: one, two or three, with linear or Michaelis-Menten elimination, and their usual parametrisations."""

from collections.abc import Mapping

from popmix.errors import SupportError
from popmix.model.blueprint import Alternatives
from popmix.model.declarations import Structure
from popmix.model.expression import Expression
from popmix.model.library.part import NOT_NEGATIVE, POSITIVE, Part, balance, structure

_GROUP = "Pharmacokinetics"
_SOURCE = (
    "Gibaldi M, Perrier D. Pharmacokinetics, 2nd edition. New York: Marcel Dekker; 1982. Michaelis-Menten elimination: Wagner JG. "
    "Properties of the Michaelis-Menten equation "
    "and its integrated form which are useful in pharmacokinetics. J Pharmacokinet Biopharm 1973;1:103-121"
)


def _with_saturation(volumes: tuple[str, ...], *linear: tuple[str, ...]) -> tuple[Alternatives, ...]:
    """Return the parametrisations: the linear ones, and saturable elimination instead of, or beside, the first of them."""
    return ((*linear, (*volumes, "vmax", "km"), (*linear[0], "vmax", "km")),)


@structure(
    "one compartment", group=_GROUP, source=_SOURCE, doses=True, alternatives=_with_saturation(("v",), ("cl", "v"), ("k", "v"))
)  # fmt: skip
def OneCompartment(
    part: Part, cl: NOT_NEGATIVE = None, v: POSITIVE = None, ka: POSITIVE = None, *, k: NOT_NEGATIVE = None, vmax: POSITIVE = None,
    km: POSITIVE = None,
) -> None:  # fmt: skip
    """One compartment, with a depot when `ka` is given.

    depot' = -ka depot
    central' = ka depot - (cl / v) central - vmax C / (km + C),   C = central / v

    Given are (cl, v) or (k, v), k = cl / v. Michaelis-Menten elimination (vmax amount per time, km a concentration) stands alone
    (v, vmax, km) or beside the linear one (cl, v, vmax, km). Without vmax this is solved in closed form.
    """
    _build(part, {"cl": cl, "v": v, "ka": ka, "k": k, "vmax": vmax, "km": km})


@structure(
    "two compartments", group=_GROUP, source=_SOURCE, doses=True,
    alternatives=_with_saturation(
        ("v1", "q", "v2"), ("cl", "v1", "q", "v2"), ("k", "k12", "k21", "v1"), ("alpha", "beta", "k21", "v1"), ("cl", "v1", "q", "vss"),
    ),
)  # fmt: skip
def TwoCompartments(
    part: Part, cl: NOT_NEGATIVE = None, v1: POSITIVE = None, q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None, *,
    vss: POSITIVE = None, k: NOT_NEGATIVE = None, k12: NOT_NEGATIVE = None, k21: POSITIVE = None, alpha: POSITIVE = None,
    beta: POSITIVE = None, vmax: POSITIVE = None, km: POSITIVE = None,
) -> None:  # fmt: skip
    """A central and a peripheral compartment, with a depot when `ka` is given.

    depot' = -ka depot
    central' = ka depot - k central - k12 central + k21 peripheral - vmax C / (km + C),   C = central / v1
    peripheral' = k12 central - k21 peripheral

    Given are (cl, v1, q, v2) with k = cl / v1, k12 = q / v1, k21 = q / v2; (cl, v1, q, vss) with v2 = vss - v1; (k, k12, k21, v1); or
    (alpha, beta, k21, v1), the rate constants of the two exponentials, with k = alpha beta / k21 and k12 = alpha + beta - k21 - k.
    Michaelis-Menten elimination as in OneCompartment: (v1, q, v2, vmax, km), or with cl beside it.
    """
    given = {"cl": cl, "v1": v1, "q": q, "v2": v2, "ka": ka, "vss": vss, "k": k, "k12": k12, "k21": k21, "alpha": alpha, "beta": beta}
    _build(part, {**given, "vmax": vmax, "km": km})


@structure(
    "three compartments", group=_GROUP, source=_SOURCE, doses=True,
    alternatives=_with_saturation(
        ("v1", "q2", "v2", "q3", "v3"), ("cl", "v1", "q2", "v2", "q3", "v3"), ("k", "k12", "k21", "k13", "k31", "v1"),
        ("alpha", "beta", "gamma", "k21", "k31", "v1"), ("cl", "v1", "q2", "v2", "q3", "vss"),
    ),
)  # fmt: skip
def ThreeCompartments(
    part: Part, cl: NOT_NEGATIVE = None, v1: POSITIVE = None, q2: NOT_NEGATIVE = None, v2: POSITIVE = None, q3: NOT_NEGATIVE = None,
    v3: POSITIVE = None, ka: POSITIVE = None, *, vss: POSITIVE = None, k: NOT_NEGATIVE = None, k12: NOT_NEGATIVE = None,
    k21: POSITIVE = None, k13: NOT_NEGATIVE = None, k31: POSITIVE = None, alpha: POSITIVE = None, beta: POSITIVE = None,
    gamma: POSITIVE = None, vmax: POSITIVE = None, km: POSITIVE = None,
) -> None:  # fmt: skip
    """A central and two peripheral compartments, with a depot when `ka` is given.

    depot' = -ka depot
    central' = ka depot - (k + k12 + k13) central + k21 peripheral1 + k31 peripheral2 - vmax C / (km + C),   C = central / v1
    peripheral1' = k12 central - k21 peripheral1
    peripheral2' = k13 central - k31 peripheral2

    Given are (cl, v1, q2, v2, q3, v3) with k = cl / v1, k12 = q2 / v1, k21 = q2 / v2, k13 = q3 / v1, k31 = q3 / v3;
    (cl, v1, q2, v2, q3, vss) with v3 = vss - v1 - v2; (k, k12, k21, k13, k31, v1); or (alpha, beta, gamma, k21, k31, v1), the rate
    constants of the three exponentials, k21 other than k31. Michaelis-Menten elimination as in OneCompartment:
    (v1, q2, v2, q3, v3, vmax, km), or with cl beside it.
    """
    given = {"cl": cl, "v1": v1, "q2": q2, "v2": v2, "q3": q3, "v3": v3, "ka": ka, "vss": vss, "k": k, "k12": k12, "k21": k21, "k13": k13}
    _build(part, {**given, "k31": k31, "alpha": alpha, "beta": beta, "gamma": gamma, "vmax": vmax, "km": km})


def mammillary_rates(structure: Structure) -> dict[str, Expression]:
    """Return k10, k12, k21, k13, k31, ka (those that exist) and the central `volume`, whatever the parametrisation.

    Raises SupportError for a structure whose elimination is not linear, or that is not mammillary: those have no closed form.
    """
    if not is_linear(structure):
        raise SupportError(f"{structure.kind} with {', '.join(structure.arguments)} is not linear: it has no closed form.")
    return _rates(structure.arguments)


def is_linear(structure: Structure) -> bool:
    """Whether a structure is mammillary with linear elimination: a closed form exists while its arguments are constant."""
    return structure.kind in ("OneCompartment", "TwoCompartments", "ThreeCompartments") and "vmax" not in structure.arguments


def _build(part: Part, arguments: Mapping[str, Expression | None]) -> None:
    given = {name: value for name, value in arguments.items() if value is not None}
    rates = _rates(given)
    gains = part.absorption(given.get("ka"))
    central = part.state("central")
    concentration = part.output("concentration", central / rates["volume"])
    losses = [rates["k10"] * central] if "k10" in rates else []
    if "vmax" in given:
        losses.append(given["vmax"] * concentration / (given["km"] + concentration))
    exchanges = [pair for pair in (("k12", "k21"), ("k13", "k31")) if pair[0] in rates]
    for number, (there, back) in enumerate(exchanges, start=1):
        peripheral = part.state("peripheral" if len(exchanges) == 1 else f"peripheral{number}")
        peripheral.dt = rates[there] * central - rates[back] * peripheral
        gains.append(rates[back] * peripheral)
        losses.append(rates[there] * central)
    central.dt = balance(gains, losses)


def _rates(given: Mapping[str, Expression]) -> dict[str, Expression]:
    volume = given["v"] if "v" in given else given["v1"]
    if "gamma" in given:
        rates = _from_three_exponentials(**{name: given[name] for name in ("alpha", "beta", "gamma", "k21", "k31")})
    elif "alpha" in given:
        rates = _from_two_exponentials(given["alpha"], given["beta"], given["k21"])
    elif "k" in given:
        rates = {"k10": given["k"]} | {name: given[name] for name in ("k12", "k21", "k13", "k31") if name in given}
    else:
        rates = _from_clearances(given, volume)
    return rates | {name: given[name] for name in ("ka",) if name in given} | {"volume": volume}


def _from_clearances(given: Mapping[str, Expression], volume: Expression) -> dict[str, Expression]:
    rates = {"k10": given["cl"] / volume} if "cl" in given else {}
    if "q" in given:
        peripheral = given["v2"] if "v2" in given else given["vss"] - volume
        return rates | {"k12": given["q"] / volume, "k21": given["q"] / peripheral}
    if "q2" in given:
        last = given["v3"] if "v3" in given else given["vss"] - volume - given["v2"]
        first = {"k12": given["q2"] / volume, "k21": given["q2"] / given["v2"]}
        return rates | first | {"k13": given["q3"] / volume, "k31": given["q3"] / last}
    return rates


def _from_two_exponentials(alpha: Expression, beta: Expression, k21: Expression) -> dict[str, Expression]:
    """Return the rate constants: alpha beta = k21 k10, alpha + beta = k10 + k12 + k21."""
    k10 = alpha * beta / k21
    return {"k10": k10, "k12": alpha + beta - k21 - k10, "k21": k21}


def _from_three_exponentials(
    alpha: Expression, beta: Expression, gamma: Expression, k21: Expression, k31: Expression
) -> dict[str, Expression]:
    """Return the rate constants from the coefficients of the characteristic polynomial.

    alpha beta gamma = k10 k21 k31; the sum of alpha, beta, gamma = k10 + k12 + k13 + k21 + k31; the sum of their products by twos
    = k10 k21 + k10 k31 + k21 k31 + k12 k31 + k13 k21. The last two are linear in k12 and k13.
    """
    k10 = alpha * beta * gamma / (k21 * k31)
    both = alpha + beta + gamma - k10 - k21 - k31
    weighted = alpha * beta + alpha * gamma + beta * gamma - k10 * (k21 + k31) - k21 * k31
    k12 = (weighted - both * k21) / (k31 - k21)
    k13 = (both * k31 - weighted) / (k31 - k21)
    return {"k10": k10, "k12": k12, "k21": k21, "k13": k13, "k31": k31}
