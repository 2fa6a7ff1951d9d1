"""Target-mediated drug disposition: the full model and its approximations.

Amounts of drug are in compartments, target and complex are concentrations in the central volume. The target is made at the rate
kdeg r0 and starts at r0. Without `kdeg` the total target is constant, r0: free target and complex are lost at one rate (kint = kdeg).

What can be read, whatever the form: `.free` and `.total` concentrations of drug, `.free_target`, `.total_target` and `.complex`. There is
no `.concentration`, since the central state is free drug in some forms and all drug in others: say which one the assay measures.
"""

from popmix.model.expression import Expression, sqrt, where
from popmix.model.library.part import NOT_NEGATIVE, POSITIVE, Part, balance, structure

_GROUP = "Target-mediated drug disposition"
_PERIPHERAL = ((), ("q", "v2"))
_FULL = (
    "Mager DE, Jusko WJ. General pharmacokinetic model for drugs exhibiting target-mediated drug disposition. J Pharmacokinet Pharmacodyn "
    "2001;28:507-532"
)
_GIBIANSKY = (
    "Gibiansky L, Gibiansky E, Kakkar T, Ma P. Approximations of the target-mediated drug disposition model and identifiability of model "
    "parameters. J Pharmacokinet Pharmacodyn 2008;35:573-591"
)
_RAPID = (
    "Mager DE, Krzyzanski W. Quasi-equilibrium pharmacokinetic model for drugs exhibiting target-mediated drug disposition. Pharm Res "
    "2005;22:1589-1596"
)
_WAGNER = (
    "Wagner JG. A new generalized nonlinear pharmacokinetic model and its implications. In: Biopharmaceutics and Relevant "
    "Pharmacokinetics. Hamilton: Drug Intelligence Publications; 1971. Quasi-steady state, of which it is a case: " + _GIBIANSKY
)


@structure("full TMDD", group=_GROUP, source=_FULL, doses=True, alternatives=((("kon", "koff"), ("kon", "kd")), _PERIPHERAL))
def TMDD(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: NOT_NEGATIVE, kon: POSITIVE = None, koff: NOT_NEGATIVE = None,
    kd: POSITIVE = None, kdeg: POSITIVE = None, q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug that binds to a target, with the kinetics of binding; the central state is free drug.

    central' = ka depot - cl C - q (C - peripheral / v2) - v (kon C R - koff RC),   C = central / v
    peripheral' = q (C - peripheral / v2),   depot' = -ka depot
    target' = kdeg r0 - kdeg R - kon C R + koff RC
    complex' = kon C R - (koff + kint) RC

    R is `target`, RC is `complex`; koff or kd = koff / kon is given. Without kdeg: R = r0 - RC.
    """
    _kinetic(part, _Drug(part, cl, v, q, v2, ka), (kon, kon * kd if koff is None else koff), r0, kint, kdeg)


@structure("TMDD with rapid binding", group=_GROUP, source=_RAPID, doses=True, alternatives=((("kd",), ("kon", "koff")), _PERIPHERAL))
def TMDDRapidBinding(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: NOT_NEGATIVE, kd: POSITIVE = None, kon: POSITIVE = None,
    koff: POSITIVE = None, kdeg: POSITIVE = None, q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug in equilibrium with its target (quasi-equilibrium): the central state is all drug, free and bound.

    The equations of TMDDQuasiSteadyState with kd = koff / kon in the place of kss.
    """
    _in_balance(part, _Drug(part, cl, v, q, v2, ka), koff / kon if kd is None else kd, r0, kint, kdeg)


@structure(
    "TMDD at quasi-steady state", group=_GROUP, source=_GIBIANSKY, doses=True, alternatives=((("kss",), ("kon", "koff")), _PERIPHERAL)
)  # fmt: skip
def TMDDQuasiSteadyState(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: NOT_NEGATIVE, kss: POSITIVE = None, kon: POSITIVE = None,
    koff: NOT_NEGATIVE = None, kdeg: POSITIVE = None, q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug whose binding is balanced by dissociation and internalisation: the central state is all drug, free and bound.

    C = (g + sqrt(g^2 + 4 kss A)) / 2,   g = A - total_target - kss,   A = central / v
    central' = ka depot - cl C - q (C - peripheral / v2) - kint RC v,   RC = total_target C / (kss + C)
    peripheral' = q (C - peripheral / v2),   depot' = -ka depot
    total_target' = kdeg r0 - kdeg total_target - (kint - kdeg) RC

    kss = (koff + kint) / kon is given, or kon and koff. Without kdeg: total_target = r0.
    """
    _in_balance(part, _Drug(part, cl, v, q, v2, ka), (koff + kint) / kon if kss is None else kss, r0, kint, kdeg)


@structure("TMDD in Wagner's form", group=_GROUP, source=_WAGNER, doses=True, alternatives=(_PERIPHERAL,))
def TMDDWagner(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: NOT_NEGATIVE, kss: POSITIVE, q: NOT_NEGATIVE = None,
    v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug at quasi-steady state with a constant total target r0: its free concentration C follows Wagner's equation.

    C' (1 + r0 kss / (kss + C)^2) = ka depot / v - (cl / v) C - (q / v) (C - peripheral / v2) - kint r0 C / (kss + C)

    It is kept as the amount of all drug, central = v (C + r0 C / (kss + C)), as in TMDDQuasiSteadyState without kdeg: so a bolus or an
    infusion into the central compartment adds what is given, which in an equation for C it would not.
    """
    _in_balance(part, _Drug(part, cl, v, q, v2, ka), kss, r0, kint, None)


@structure("TMDD with irreversible binding", group=_GROUP, source=f"{_FULL} (with koff = 0)", doses=True, alternatives=(_PERIPHERAL,))
def TMDDIrreversibleBinding(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: NOT_NEGATIVE, kon: POSITIVE, kdeg: POSITIVE = None,
    q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug that is bound and never released (koff is much smaller than kint): the central state is free drug.

    central' = ka depot - cl C - q (C - peripheral / v2) - v kon C R,   C = central / v
    peripheral' = q (C - peripheral / v2),   depot' = -ka depot
    target' = kdeg r0 - kdeg R - kon C R
    complex' = kon C R - kint RC

    R is `target`, RC is `complex`. Without kdeg: R = r0 - RC.
    """
    _kinetic(part, _Drug(part, cl, v, q, v2, ka), (kon, None), r0, kint, kdeg)


@structure("Michaelis-Menten approximation of TMDD", group=_GROUP, source=_GIBIANSKY, doses=True, alternatives=(_PERIPHERAL,))
def TMDDMichaelisMenten(
    part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE, r0: POSITIVE, kint: POSITIVE, kss: POSITIVE, kdeg: POSITIVE = None,
    q: NOT_NEGATIVE = None, v2: POSITIVE = None, ka: POSITIVE = None,
) -> None:  # fmt: skip
    """Drug in large excess over its target, which then acts as a saturable elimination; bound drug is neglected.

    central' = ka depot - cl C - q (C - peripheral / v2) - v vmax C / (km + C),   C = central / v
    peripheral' = q (C - peripheral / v2),   depot' = -ka depot
    without kdeg: vmax = kint r0, km = kss;   with kdeg: vmax = kdeg r0, km = kss kdeg / kint

    With kdeg the target is at the steady state that belongs to C. Only `.free` can be read. For vmax (amount per time) and km themselves
    use OneCompartment or TwoCompartments.
    """
    drug = _Drug(part, cl, v, q, v2, ka)
    free = part.output("free", drug.central / v)
    vmax, km = (kint * r0, kss) if kdeg is None else (kdeg * r0, kss * kdeg / kint)
    drug.change(free, v * vmax * free / (km + free))


class _Drug:
    """The compartments of the drug: depot with `ka`, central, peripheral with `q` and `v2`."""

    def __init__(
        self, part: Part, cl: Expression, v: Expression, q: Expression | None, v2: Expression | None, ka: Expression | None
    ) -> None:  # fmt: skip
        self.cl, self.v, self.q, self.v2 = cl, v, q, v2
        self.gains = part.absorption(ka)
        self.central = part.state("central")
        self.peripheral = None if q is None else part.state("peripheral")

    def change(self, free: Expression, *lost: Expression) -> None:
        """Set the derivatives: linear elimination and distribution of the free concentration, and what the target takes."""
        losses = [self.cl * free]
        if self.peripheral is not None:
            exchange = self.q * (free - self.peripheral / self.v2)
            self.peripheral.dt = exchange
            losses.append(exchange)
        self.central.dt = balance(self.gains, [*losses, *lost])


def _kinetic(
    part: Part, drug: _Drug, binding: tuple[Expression, Expression | None], r0: Expression, kint: Expression, kdeg: Expression | None
) -> None:  # fmt: skip
    """Build the forms with rates of binding: (kon, koff), koff None where nothing is released."""
    kon, koff = binding
    target = None if kdeg is None else part.state("target", init=r0)
    complex = part.state("complex")
    free = part.output("free", drug.central / drug.v)
    part.output("total", free + complex)
    unbound = part.output("free_target", r0 - complex if target is None else target)
    part.output("total_target", r0 if target is None else target + complex)
    bound = kon * free * unbound if koff is None else kon * free * unbound - koff * complex
    drug.change(free, drug.v * bound)
    complex.dt = bound - kint * complex
    if target is not None:
        target.dt = kdeg * r0 - kdeg * target - bound


def _in_balance(part: Part, drug: _Drug, constant: Expression, r0: Expression, kint: Expression, kdeg: Expression | None) -> None:
    """Build the forms in which complex = total_target C / (constant + C) at any time."""
    target = r0 if kdeg is None else part.state("total_target", init=r0)
    total = part.output("total", drug.central / drug.v)
    gap = total - target - constant
    root = sqrt(gap**2 + 4 * constant * total)
    # the two forms of the root are equal; each is chosen where it does not subtract nearly equal numbers
    free = part.output("free", where(gap > 0, 0.5 * (gap + root), 2 * constant * total / (root - gap)))
    complex = part.output("complex", target * free / (constant + free))
    part.output("free_target", target - complex)
    if kdeg is None:
        part.output("total_target", target)
    drug.change(free, kint * complex * drug.v)
    if kdeg is not None:
        target.dt = kdeg * r0 - kdeg * target - (kint - kdeg) * complex
