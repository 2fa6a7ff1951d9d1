"""The structures of the library in all their parametrisations, each with its equations by hand."""

from library_cases import ALONE, DOSED, DRIVEN, STEADILY, Case

DEPOT = "depot = State()\n"
ONE = {"cl": 0.7, "v": 5.0}
TWO = {"cl": 0.7, "v1": 5.0, "q": 0.9, "v2": 8.0}
THREE = {"cl": 0.7, "v1": 5.0, "q2": 0.9, "v2": 8.0, "q3": 0.4, "v3": 20.0}
SATURABLE = {"vmax": 7.0, "km": 1.1}
KA = {"ka": 0.9}


def compartments(form: str, values: dict[str, float], rates: str, volume: str) -> Case:
    """Return a mammillary case; `rates` are k10 (k12, k21 (k13, k31)) in words, the first one empty when there is no linear elimination."""
    k10, *others = rates.split("; ")
    pairs = list(zip(others[::2], others[1::2], strict=True))
    own = [f"peripheral{k + 1}" for k in range(len(pairs))] if len(pairs) > 1 else ["peripheral"] * len(pairs)
    lines = ["depot = State()"] * ("ka" in values) + [f"{name} = State()" for name in ("central", *own)]
    change = ["KA * depot"] * ("ka" in values) + [f"({back}) * {name}" for (_, back), name in zip(pairs, own, strict=True)]
    lost = [f"({k10}) * central"] * bool(k10) + [f"({there}) * central" for there, _ in pairs]
    lost += [f"VMAX * central / {volume} / (KM + central / {volume})"] * ("vmax" in values)
    lines += ["depot.dt = -KA * depot"] * ("ka" in values)
    lines.append(f"central.dt = {' + '.join(change) or '0'} - {' - '.join(lost)}".replace("= 0 - ", "= -"))
    lines += [f"{name}.dt = ({there}) * central - ({back}) * {name}" for (there, back), name in zip(pairs, own, strict=True)]
    word = ("OneCompartment", "TwoCompartments", "ThreeCompartments")[len(pairs)]
    return Case(word, form, values, STEADILY, ("concentration", f"central / {volume}"), "\n".join(lines))


_BY_CLEARANCE = "CL / V1; Q / V1; Q / V2"
_BY_CLEARANCES = "CL / V1; Q2 / V1; Q2 / V2; Q3 / V1; Q3 / V3"
_K10 = "ALPHA * BETA * GAMMA / (K21 * K31)"
_BOTH = f"(ALPHA + BETA + GAMMA - {_K10} - K21 - K31)"
_WEIGHTED = f"(ALPHA * BETA + ALPHA * GAMMA + BETA * GAMMA - {_K10} * (K21 + K31) - K21 * K31)"
_EXPONENTIALS = f"{_K10}; ({_WEIGHTED} - {_BOTH} * K21) / (K31 - K21); K21; ({_BOTH} * K31 - {_WEIGHTED}) / (K31 - K21); K31"
MAMMILLARY = (
    compartments("cl, v", ONE, "CL / V", "V"),
    compartments("cl, v, ka", ONE | KA, "CL / V", "V"),
    compartments("k, v, ka", {"k": 0.15, "v": 5.0} | KA, "K", "V"),
    compartments("v, vmax, km", {"v": 5.0} | SATURABLE | KA, "", "V"),
    compartments("cl, v, vmax, km", ONE | SATURABLE, "CL / V", "V"),
    compartments("cl, v1, q, v2", TWO, _BY_CLEARANCE, "V1"),
    compartments("cl, v1, q, v2, ka", TWO | KA, _BY_CLEARANCE, "V1"),
    compartments("k, k12, k21, v1", {"k": 0.15, "k12": 0.2, "k21": 0.12, "v1": 5.0} | KA, "K; K12; K21", "V1"),
    compartments(
        "alpha, beta, k21, v1", {"alpha": 0.9, "beta": 0.08, "k21": 0.3, "v1": 5.0},
        "ALPHA * BETA / K21; ALPHA + BETA - K21 - ALPHA * BETA / K21; K21", "V1",
    ),
    compartments("cl, v1, q, vss", {"cl": 0.7, "v1": 5.0, "q": 0.9, "vss": 13.0} | KA, "CL / V1; Q / V1; Q / (VSS - V1)", "V1"),
    compartments("v1, q, v2, vmax, km", {"v1": 5.0, "q": 0.9, "v2": 8.0} | SATURABLE, "; Q / V1; Q / V2", "V1"),
    compartments("cl, v1, q, v2, vmax, km", TWO | SATURABLE | KA, _BY_CLEARANCE, "V1"),
    compartments("cl, v1, q2, v2, q3, v3", THREE, _BY_CLEARANCES, "V1"),
    compartments("cl, v1, q2, v2, q3, v3, ka", THREE | KA, _BY_CLEARANCES, "V1"),
    compartments(
        "k, k12, k21, k13, k31, v1", {"k": 0.15, "k12": 0.2, "k21": 0.12, "k13": 0.09, "k31": 0.03, "v1": 5.0},
        "K; K12; K21; K13; K31", "V1",
    ),
    compartments(
        "alpha, beta, gamma, k21, k31, v1", {"alpha": 0.9, "beta": 0.2, "gamma": 0.02, "k21": 0.5, "k31": 0.04, "v1": 5.0} | KA,
        _EXPONENTIALS, "V1",
    ),
    compartments(
        "cl, v1, q2, v2, q3, vss", {"cl": 0.7, "v1": 5.0, "q2": 0.9, "v2": 8.0, "q3": 0.4, "vss": 33.0},
        "CL / V1; Q2 / V1; Q2 / V2; Q3 / V1; Q3 / (VSS - V1 - V2)", "V1",
    ),
    compartments("v1, q2, v2, q3, v3, vmax, km", THREE | SATURABLE | KA, _BY_CLEARANCES, "V1"),
    compartments(
        "no cl, v1, q2, v2, q3, v3, vmax, km", {name: value for name, value in THREE.items() if name != "cl"} | SATURABLE,
        "; Q2 / V1; Q2 / V2; Q3 / V1; Q3 / V3", "V1",
    ),
)  # fmt: skip

DRUG = {"cl": 0.5, "v": 4.0, "r0": 1.5, "kint": 0.25}
PERIPHERAL = {"q": 0.5, "v2": 6.0}


def binding(word: str, form: str, values: dict[str, float], observed: str, target: str, lost: str, by_hand: str) -> Case:
    """Return a case of target-mediated disposition; `target` declares what comes after the drug's states, `lost` is what binding takes."""
    has_ka, has_q = "ka" in values, "q" in values
    lines = ["depot = State()"] * has_ka + ["central = State()"] + ["peripheral = State()"] * has_q
    lines += target.splitlines() + ["depot.dt = -KA * depot"] * has_ka
    exchange = " - Q * (L - peripheral / V2)" if has_q else ""
    lines.append(f"central.dt = {'KA * depot ' if has_ka else ''}- CL * L{exchange} - V * ({lost})")
    lines += ["peripheral.dt = Q * (L - peripheral / V2)"] * has_q
    return Case(word, form, values, STEADILY, (observed, by_hand), "\n".join(lines))


_FREE = "L = central / V\n"
_FULL = "R = State(init=R0)\nRC = State()\n" + _FREE + "R.dt = KDEG * (R0 - R) - ({bound})\nRC.dt = {bound} - KINT * RC"
_CONSTANT = "RC = State()\n" + _FREE + "RC.dt = {bound} - KINT * RC"
_ROOT = "A = central / V\nL = 0.5 * (A - {total} - {k} + sqrt((A - {total} - {k})**2 + 4 * {k} * A))\n"
_TURNOVER = "S = State(init=R0)\n" + _ROOT + "S.dt = KDEG * (R0 - S) - (KINT - KDEG) * S * L / ({k} + L)"
_ON, _OFF = "KON * L * R - {off} * RC", "KON * L * (R0 - RC) - {off} * RC"


def full(word: str, form: str, values: dict[str, float], off: str) -> Case:
    """Return a case with rates of binding, the constant of release in words (empty when there is none)."""
    turnover = "kdeg" in values
    bound = "KON * L * R" if turnover else "KON * L * (R0 - RC)"
    bound += f" - {off} * RC" if off else ""
    return binding(word, form, values, "total", (_FULL if turnover else _CONSTANT).format(bound=bound), bound, "L + RC")


def balanced(word: str, form: str, values: dict[str, float], constant: str) -> Case:
    """Return a case with binding in balance, the constant of balance in words."""
    turnover = "kdeg" in values
    target = (_TURNOVER if turnover else _ROOT).format(total="S" if turnover else "R0", k=constant)
    return binding(word, form, values, "free", target, f"KINT * {'S' if turnover else 'R0'} * L / ({constant} + L)", "L")


KINETIC, KDEG = {"kon": 3.0, "koff": 0.4}, {"kdeg": 0.8}
TARGETS = (
    full("TMDD", "kon, koff, kdeg", DRUG | KINETIC | KDEG, "KOFF"),
    full("TMDD", "kon, kd, kdeg, q, v2, ka", DRUG | {"kon": 3.0, "kd": 0.12} | KDEG | PERIPHERAL | KA, "KON * KD"),
    full("TMDD", "kon, koff", DRUG | KINETIC | KA, "KOFF"),
    full("TMDDIrreversibleBinding", "kon, kdeg, q, v2, ka", DRUG | {"kon": 0.8} | KDEG | PERIPHERAL | KA, ""),
    full("TMDDIrreversibleBinding", "kon", DRUG | {"kon": 0.8}, ""),
    balanced("TMDDRapidBinding", "kd, kdeg, q, v2, ka", DRUG | {"kd": 0.2} | KDEG | PERIPHERAL | KA, "KD"),
    balanced("TMDDRapidBinding", "kon, koff", DRUG | KINETIC, "KOFF / KON"),
    balanced("TMDDQuasiSteadyState", "kss, kdeg, q, v2, ka", DRUG | {"kss": 0.2} | KDEG | PERIPHERAL | KA, "KSS"),
    balanced("TMDDQuasiSteadyState", "kon, koff, kdeg", DRUG | KINETIC | KDEG, "((KOFF + KINT) / KON)"),
    balanced("TMDDQuasiSteadyState", "kss", DRUG | {"kss": 0.2}, "KSS"),
    balanced("TMDDWagner", "kss", DRUG | {"kss": 0.2} | KA, "KSS"),
    balanced("TMDDWagner", "kss, q, v2", DRUG | {"kss": 0.2} | PERIPHERAL, "KSS"),
    binding("TMDDMichaelisMenten", "kss", DRUG | {"kss": 0.6}, "free", _FREE.strip(), "KINT * R0 * L / (KSS + L)", "L"),
    binding(
        "TMDDMichaelisMenten", "kss, kdeg, q, v2, ka", DRUG | {"kss": 0.6} | KDEG | PERIPHERAL | KA, "free", _FREE.strip(),
        "KDEG * R0 * L / (KSS * KDEG / KINT + L)", "L",
    ),
)  # fmt: skip


def recycling(form: str, values: dict[str, float], constants: dict[str, str], rate: str) -> Case:
    """Return a case of enterohepatic recycling; its emptying depends on time, so that nothing is steady."""
    has_ka, has_q = "ka" in values, "q" in values
    names = ["depot"] * has_ka + ["central"] + ["peripheral"] * has_q + ["gallbladder"]
    gain = ("KA * depot + " if has_ka else "") + ("Q / V2 * peripheral + " if has_q else "") + "emptied"
    lines = [f"{name} = State()" for name in names] + [f"emptied = ({rate}) * gallbladder"]
    lines += ["depot.dt = -KA * depot"] * has_ka
    lines.append(f"central.dt = {gain} - CL / V * central - KBILE * central{' - Q / V * central' if has_q else ''}")
    lines += ["peripheral.dt = Q / V * central - Q / V2 * peripheral"] * has_q
    lines.append("gallbladder.dt = KBILE * central - emptied")
    return Case("EnterohepaticRecycling", form, values, DOSED, ("concentration", "central / V"), "\n".join(lines), constants)


BILE = {"cl": 0.7, "v": 5.0, "kbile": 0.3}
_DAILY = "where((T >= 3) & (T < 4.5), KEMPTY, where((T >= 9) & (T < 10.5), KEMPTY, where((T >= 15) & (T < 16.5), KEMPTY, 0)))"
RECYCLING = (
    recycling(
        "meal, ka, q, v2", BILE | {"kempty": 2.0} | KA | PERIPHERAL, {"meal": "5", "meal_length": "1.5"},
        "where((T >= 5) & (T < 6.5), KEMPTY, 0)",
    ),
    recycling("meals", BILE | {"kempty": 2.0}, {"meal": "3", "meal_length": "1.5", "every": "6"}, _DAILY),
    recycling("release", BILE | KA, {"release": "0.5 + 0.4 * cos(T)"}, "0.5 + 0.4 * cos(T)"),
)  # fmt: skip

CONCENTRATION = {"concentration": "C"}
_HILL = "where(C > 0, C**HILL / ({half}**HILL + C**HILL), 0)"


def effect(word: str, form: str, values: dict[str, float], by_hand: str) -> Case:
    """Return a case of a direct effect, which has no state."""
    return Case(word, form, values, DRIVEN, ("effect", by_hand), "", CONCENTRATION)


def response(form: str, values: dict[str, float], of: str, start: str, rates: tuple[str, str]) -> Case:
    """Return a case of an indirect response; `rates` are production and loss in words."""
    written = f"response = State(init={start})\nresponse.dt = {rates[0]} - {rates[1]} * response"
    return Case("IndirectResponse", f"{of}, {form}", values, DRIVEN, ("response", "response"), written, CONCENTRATION | {"of": f'"{of}"'})


_INHIBITED, _STIMULATED = "(1 - IMAX * C / (IC50 + C))", "(1 + SMAX * C / (SC50 + C))"
INHIBITION, STIMULATION = {"imax": 0.8, "ic50": 1.5}, {"smax": 1.6, "sc50": 2.5}
_CELLS = """{first} = State(init=CIRC0)
a1 = State(init=CIRC0)
a2 = State(init=CIRC0)
a3 = State(init=CIRC0)
blood = State(init=CIRC0)
K = 4 / MTT
p.dt = K * p * ((1 - {effect}) * (CIRC0 / blood)**GAMMA - 1)
a1.dt = K * (p - a1)
a2.dt = K * (a1 - a2)
a3.dt = K * (a2 - a3)
blood.dt = K * (a3 - blood)""".replace("{first}", "p")
CELLS = {"circ0": 5.0, "mtt": 5.0, "gamma": 0.17}
_TUMOUR = """x1 = State(init=SIZE0)
x2 = State()
x3 = State()
x4 = State()
W = x1 + x2 + x3 + x4
x1.dt = LAMBDA0 * x1 / (1 + (LAMBDA0 / LAMBDA1 * W)**{psi})**(1 / {psi}) - K2 * C * x1
x2.dt = K2 * C * x1 - K1 * x2
x3.dt = K1 * x2 - K1 * x3
x4.dt = K1 * x3 - K1 * x4"""
TUMOUR = {"size0": 1.0, "lambda0": 0.3, "lambda1": 0.6, "k1": 0.7, "k2": 0.09}
EFFECTS = (
    effect("EmaxEffect", "emax, ec50", {"emax": 5.0, "ec50": 2.0}, "EMAX * C / (EC50 + C)"),
    effect("EmaxEffect", "e0, hill", {"emax": 5.0, "ec50": 2.0, "e0": 3.0, "hill": 1.6}, f"E0 + EMAX * {_HILL.format(half='EC50')}"),
    effect("InhibitoryEffect", "imax, ic50", {"e0": 9.0} | INHIBITION, "E0 * (1 - IMAX * C / (IC50 + C))"),
    effect("InhibitoryEffect", "hill", {"e0": 9.0} | INHIBITION | {"hill": 1.6}, f"E0 * (1 - IMAX * {_HILL.format(half='IC50')})"),
    Case(
        "EffectCompartment", "ke0", {"ke0": 0.4}, DRIVEN, ("concentration", "site"), "site = State()\nsite.dt = KE0 * (C - site)",
        CONCENTRATION,
    ),
    response("I", {"kin": 3.0, "kout": 0.4} | INHIBITION, "production", "KIN / KOUT", (f"KIN * {_INHIBITED}", "KOUT")),
    response("II", {"baseline": 7.0, "kout": 0.4} | INHIBITION, "loss", "BASELINE", ("KOUT * BASELINE", f"KOUT * {_INHIBITED}")),
    response("III", {"kin": 3.0, "baseline": 7.0} | STIMULATION, "production", "BASELINE", (f"KIN * {_STIMULATED}", "KIN / BASELINE")),
    response("IV", {"kin": 3.0, "kout": 0.4} | STIMULATION, "loss", "KIN / KOUT", ("KIN", f"KOUT * {_STIMULATED}")),
    response(
        "I, hill", {"baseline": 7.0, "kout": 0.4} | INHIBITION | {"hill": 2.3}, "production", "BASELINE",
        (f"KOUT * BASELINE * (1 - IMAX * {_HILL.format(half='IC50')})", "KOUT"),
    ),
    Case(
        "FribergMyelosuppression", "slope", CELLS | {"slope": 0.08}, DRIVEN, ("circulating", "blood"), _CELLS.format(effect="SLOPE * C"),
        CONCENTRATION,
    ),
    Case(
        "FribergMyelosuppression", "emax, ec50", CELLS | {"emax": 0.7, "ec50": 3.0}, DRIVEN, ("circulating", "blood"),
        _CELLS.format(effect="EMAX * C / (EC50 + C)"), CONCENTRATION,
    ),
    Case(
        "ClaretTumourGrowth", "exposure", {"size0": 8.0, "kl": 0.05, "kd": 0.06, "resistance": 0.07}, DRIVEN, ("size", "y"),
        "y = State(init=SIZE0)\ny.dt = KL * y - KD * C * exp(-RESISTANCE * T) * y", {"exposure": "C"},
    ),
    Case("SimeoniTumourGrowth", "psi left out", TUMOUR, DRIVEN, ("size", "W"), _TUMOUR.format(psi=20), CONCENTRATION),
    Case("SimeoniTumourGrowth", "psi", TUMOUR | {"psi": 3.0}, DRIVEN, ("size", "W"), _TUMOUR.format(psi="PSI"), CONCENTRATION),
)  # fmt: skip


def growth(word: str, values: dict[str, float], part: str, change: str, curve: str, solved: str) -> tuple[Case, Case]:
    """Return a state and its curve: `change` is the derivative of y, `solved` the solution."""
    form, start = ", ".join(values), next(iter(values)).upper()
    return (
        Case(word, form, values, ALONE, (part, "y"), f"y = State(init={start})\ny.dt = {change}"),
        Case(curve, form, values, ALONE, (part, solved), ""),
    )


_GROWING = {"size0": 0.8, "rate": 0.35, "capacity": 12.0}
PAIRS = (
    growth(
        "LogisticGrowth", _GROWING, "size", "RATE * y - RATE / CAPACITY * y**2",
        "LogisticCurve", "CAPACITY * SIZE0 / (SIZE0 + (CAPACITY - SIZE0) * exp(-RATE * T))",
    ),
    growth(
        "GompertzGrowth", _GROWING, "size", "RATE * y * (log(CAPACITY) - log(y))",
        "GompertzCurve", "CAPACITY * exp((log(SIZE0) - log(CAPACITY)) * exp(-RATE * T))",
    ),
    growth(
        "VonBertalanffyGrowth", {"length0": 2.0, "rate": 0.2, "asymptote": 30.0}, "length", "RATE * ASYMPTOTE - RATE * y",
        "VonBertalanffyCurve", "LENGTH0 * exp(-RATE * T) + ASYMPTOTE * (1 - exp(-RATE * T))",
    ),
    growth(
        "DecayToPlateau", {"level0": 20.0, "rate": 0.5, "plateau": 3.0}, "level", "RATE * (PLATEAU - y)",
        "PlateauCurve", "LEVEL0 * exp(-RATE * T) + PLATEAU * (1 - exp(-RATE * T))",
    ),
)  # fmt: skip

CASES = (*MAMMILLARY, *TARGETS, *RECYCLING, *EFFECTS, *(case for pair in PAIRS for case in pair))
"""All of them."""
