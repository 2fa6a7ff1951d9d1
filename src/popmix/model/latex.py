"""A model as LaTeX equations: individual parameters, dynamics, observations."""

import re
from collections.abc import Iterator, Mapping

from popmix.model import declarations as made
from popmix.model.blueprint import BLUEPRINTS
from popmix.model.declarations import Declaration, StartValue
from popmix.model.expression import COMPARISONS, Attribute, Expression, Number, Operation, Reference, Text
from popmix.model.library.part import expand
from popmix.model.writing import number_text

_GREEK = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
))  # fmt: skip
_SIGNS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne", "and": r"\land", "or": r"\lor"}
_FUNCTIONS = {
    "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tanh": r"\tanh", "erf": r"\operatorname{erf}", "lgamma": r"\log\Gamma",
    "expit": r"\operatorname{expit}", "logit": r"\operatorname{logit}",
}  # fmt: skip
_STRENGTH = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 8, "neg": 5, "not": 6, "**": 7} | dict.fromkeys(COMPARISONS, 3)


def to_latex(model: object) -> str:
    """Return the model as an `align*` environment, one equation a line."""
    lines = [line for name, each in model.declarations.items() for line in _lines(name, each, model.declarations)]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def symbol(name: str) -> str:
    """Return a declared name as a LaTeX symbol: Greek letters by name, what follows an underscore as a subscript."""
    head, _, tail = name.partition("_")
    head, tail = (head, tail) if head else (name, "")
    base = _letter(head)
    return f"{base}_{{{_letter(tail)}}}" if tail else base


def equation(expression: Expression) -> str:
    """Return an expression as LaTeX."""
    return _text(expression)[0]


def _letter(name: str) -> str:
    if name in _GREEK:
        return f"\\{name}"
    match = re.fullmatch(r"([A-Za-z])(\d+)", name)
    if match:
        return f"{match[1]}_{{{match[2]}}}"
    if len(name) == 1:
        return name
    escaped = name.replace("_", "\\_")
    return "\\mathrm{" + escaped + "}"


def _lines(name: str, each: Declaration, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    match each:
        case made.IndividualParameter():
            yield from _individual(name, each)
        case made.Eta():
            yield rf"{symbol(name)} &\sim \mathcal{{N}}(0, {_number(each.sd.value)}^2)"
        case made.Block(level=None):
            for row, second in enumerate(each.members):
                for column, first in enumerate(each.members[:row]):
                    pair = f"{_eta(first, declarations)}, {_eta(second, declarations)}"
                    yield rf"\operatorname{{corr}}({pair}) &= {_number(each.correlation[row][column])}"
        case made.Named():
            yield f"{symbol(name)} &= {equation(each.expression)}"
        case made.Structure():
            yield from _structure(name, each)
        case made.State():
            yield from _state(symbol(name), each)
        case made.Dose(target=(owner, part)):
            yield from _dose(equation(Attribute(owner, part) if part else Reference(owner)), each)
        case made.Mixture():
            yield from (rf"P({symbol(name)} = {k}) &= {equation(share)}" for k, share in enumerate(each.shares, start=1))
        case made.Observation():
            yield _observation(name, each)


def _eta(name: str, declarations: Mapping[str, Declaration]) -> str:
    return symbol(name) if isinstance(declarations.get(name), made.Eta) else rf"\eta_{{{symbol(name)}}}"


def _individual(name: str, each: made.IndividualParameter) -> Iterator[str]:
    left, typical = symbol(name), equation(each.typical)
    eta = rf"\eta_{{{left}}}" if each.iiv is not None else ""
    if each.iov is not None:
        eta = rf"{eta} + \kappa_{{{left}}}" if eta else rf"\kappa_{{{left}}}"
    if not eta:
        yield f"{left} &= {typical}"
        return
    yield f"{left} &= {_linked(each, typical, eta)}"
    spreads = [(each.iiv, "eta"), (each.iov, "kappa")]
    yield from (rf"\{greek}_{{{left}}} &\sim \mathcal{{N}}(0, {_number(sd.value)}^2)" for sd, greek in spreads if sd is not None)


def _linked(each: made.IndividualParameter, typical: str, eta: str) -> str:
    factor = _wrapped(each.typical, 5)
    match each.family:
        case "Normal":
            return f"{typical} + {eta}"
        case "LogNormal":
            return rf"{factor} \cdot e^{{{eta}}}"
        case "BoxCox":
            shape = equation(each.shape)
            return rf"{factor} \cdot \exp\left(\frac{{e^{{{shape} \cdot ({eta})}} - 1}}{{{shape}}}\right)"
        case "StudentT":
            return rf"{factor} \cdot \exp\left(t_{{{equation(each.df)}}}({eta})\right)"
    inner, outer = (r"\operatorname{logit}", r"\operatorname{expit}") if each.family == "LogitNormal" else (r"\Phi^{-1}", r"\Phi")
    if (each.lower, each.upper) == (0, 1):
        return rf"{outer}\left({inner}\left({typical}\right) + {eta}\right)"
    low, width = _number(each.lower), _number(each.upper - each.lower)
    return rf"{low} + {width} \cdot {outer}\left({inner}\left(\frac{{{typical} - {low}}}{{{width}}}\right) + {eta}\right)"


def _structure(name: str, each: made.Structure) -> Iterator[str]:
    """Yield the equations that a structure stands for, under its title."""
    expansion = expand(name, each, named=True)
    yield rf"{symbol(name)} &: \text{{{BLUEPRINTS[each.kind].title}}}"
    for state, own in expansion.states.items():
        yield from _state(equation(Attribute(name, state)), own)
    for output, value in expansion.outputs.items():
        yield f"{equation(Attribute(name, output))} &= {equation(value)}"
    for compartment, dose in expansion.doses.items():
        yield from _dose(equation(Attribute(name, compartment)), dose)


def _state(left: str, each: made.State) -> Iterator[str]:
    if each.init is not None:
        yield f"{left}(0) &= {equation(each.init)}"
    yield rf"\frac{{d\,{left}}}{{dt}} &= {equation(each.derivative)}"


def _dose(target: str, each: made.Dose) -> Iterator[str]:
    """Yield how doses enter: the fraction, the lag and so on, with the target as an index."""
    for part in ("f", "lag", "duration", "rate", "profile"):
        if getattr(each, part) is not None:
            yield rf"\mathrm{{{part}}}\left({target}\right) &= {equation(getattr(each, part))}"


def _observation(name: str, each: made.Observation) -> str:
    left = symbol(name)
    if isinstance(each.prediction, made.Distribution):
        arguments = ", ".join(_argument(value) for value in each.prediction.arguments.values() if not isinstance(value, bool))
        return rf"{left} &\sim \operatorname{{{each.prediction.kind}}}\left({arguments}\right)"
    mean = equation(each.prediction)
    if each.log_additive is not None:
        return rf"\log {left} &\sim \mathcal{{N}}\left(\log\left({mean}\right), {_number(each.log_additive.value)}^2\right)"
    variance = _sum_of_sds(each, mean) if each.combined == "sd" else " + ".join(_variances(each, mean))
    if each.student is not None:
        return rf"{left} &\sim t_{{{equation(each.student)}}}\left({mean}, {variance}\right)"
    if each.box_cox is not None:
        transform = rf"h_{{{equation(each.box_cox)}}}"
        return rf"{transform}({left}) &\sim \mathcal{{N}}\left({transform}\left({mean}\right), {variance}\right)"
    return rf"{left} &\sim \mathcal{{N}}\left({mean}, {variance}\right)"


def _sum_of_sds(each: made.Observation, mean: str) -> str:
    return rf"\left({_number(each.additive.value)} + {_number(each.proportional.value)} \cdot {mean}\right)^2"


def _variances(each: made.Observation, mean: str) -> Iterator[str]:
    if each.additive is not None:
        yield f"{_number(each.additive.value)}^2"
    if each.proportional is not None:
        yield rf"\left({_number(each.proportional.value)} \cdot {mean}\right)^2"
    if each.power is not None:
        coefficient, exponent = each.power
        yield rf"\left({_number(coefficient.value)} \cdot \left({mean}\right)^{{{_number(exponent.value)}}}\right)^2"
    if each.sd is not None:
        yield rf"\left({equation(each.sd)}\right)^2"


def _argument(value: Expression | StartValue | tuple) -> str:
    return ", ".join(_argument(each) for each in value) if isinstance(value, tuple) else equation(value)


def _number(value: float) -> str:
    text = number_text(float(f"{value:.6g}"))
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _text(node: Expression) -> tuple[str, int]:
    match node:
        case Number(value=value):
            return _number(value), 9 if value >= 0 else 4
        case Text(value=value):
            return r"\text{" + value.replace("_", "\\_") + "}", 9
        case Reference(name="T"):
            return "t", 9
        case Reference(name="TAD"):
            return r"t_{\mathrm{ad}}", 9
        case Reference(name="Y"):
            return "y", 9
        case Reference(name=name):
            return symbol(name), 8 if "_" in symbol(name) else 9
        case Attribute(owner=owner, name=name):
            part = name.replace("_", "\\_")
            return rf"\mathrm{{{part}}}_{{{symbol(owner)}}}", 8
        case Operation(operator=operator, arguments=arguments):
            return _operation(operator, arguments), _STRENGTH.get(operator, 8)
    raise TypeError(f"{node!r} has no LaTeX")


def _operation(operator: str, arguments: tuple[Expression, ...]) -> str:
    match operator, arguments:
        case "/", (above, below):
            return rf"\frac{{{equation(above)}}}{{{equation(below)}}}"
        case "**", (base, exponent):
            return f"{_wrapped(base, 9)}^{{{equation(exponent)}}}"
        case "*", (left, right):
            return rf"{_wrapped(left, 5)} \cdot {_wrapped(right, 6)}"
        case "+" | "-", (left, right):
            return f"{_wrapped(left, 4)} {operator} {_wrapped(right, 5)}"
        case "neg", (operand,):
            return f"-{_wrapped(operand, 5)}"
        case "not", (operand,):
            return rf"\lnot {_wrapped(operand, 7)}"
        case "where", (condition, yes, no):
            cases = rf"{equation(yes)} & {equation(condition)} \\ {equation(no)} & \text{{otherwise}}"
            return rf"\begin{{cases}}{cases}\end{{cases}}"
        case "exp", (x,):
            return f"e^{{{equation(x)}}}"
        case "sqrt", (x,):
            return rf"\sqrt{{{equation(x)}}}"
        case "abs", (x,):
            return rf"\left|{equation(x)}\right|"
        case _, (x,):
            return rf"{_FUNCTIONS[operator]}\left({equation(x)}\right)"
        case _, (left, right):
            strength = _STRENGTH[operator]
            return f"{_wrapped(left, strength + 1)} {_SIGNS[operator]} {_wrapped(right, strength + 1)}"
    raise TypeError(f"the operator {operator} has no LaTeX")


def _wrapped(node: Expression, least: int) -> str:
    text, strength = _text(node)
    return text if strength >= least else rf"\left({text}\right)"
