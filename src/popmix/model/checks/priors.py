"""Checks of priors: what they can be of, and whether they lie where the parameter may be."""

import math
from collections.abc import Iterator, Mapping, Sequence

from popmix.model.checks.effects import is_positive_definite
from popmix.model.declarations import Block, Broken, Declaration, IndividualParameter, JointNormal, Prior, StartValue, Theta
from popmix.model.mistakes import Problem, article
from popmix.model.places import Culprit
from popmix.model.results import Slot, result_names, slot_prior

_OF_NUMBERS = ("Normal", "LogNormal", "HalfNormal", "HalfStudentT")
_POSITIVE = ("LogNormal", "HalfNormal", "HalfStudentT")
# a prior with less than 0.1% of its mass inside the bounds has been given on another scale
_WIDTH = 3.29


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong with priors."""
    joint: dict[str, str] = {}
    for name, each in declarations.items():
        if isinstance(each, Theta) and each.prior is not None:
            yield from _of_theta(name, each, each.prior)
        elif isinstance(each, Block) and each.prior is not None:
            yield from _of_block(name, each, each.prior, declarations)
        elif isinstance(each, JointNormal):
            yield from _of_several(name, each, declarations, joint)
    for result, slot in result_names(declarations).items():
        if slot.field not in ("start", "correlation") and slot_prior(declarations, slot) is not None:
            yield from _of_spread(result, slot, slot_prior(declarations, slot))


def _of_theta(name: str, theta: Theta, prior: Prior) -> Iterator[Problem]:
    culprit = Culprit("keyword", "prior")
    if prior.kind not in _OF_NUMBERS:
        whose = "of the correlations of a Block" if prior.kind == "LKJ" else "of the covariance matrix of a Block"
        yield Problem(name, f"{prior.kind} is a prior {whose}, not of a theta", "use Normal, LogNormal or a half distribution", culprit)
        return
    if prior.kind in _POSITIVE and (theta.lower is None or theta.lower < 0):
        message = f"the prior {prior.kind} of {name} is one of positive numbers, but {name} may be negative"
        yield Problem(name, message, f"give {name} lower=0, or another prior such as priors.Normal(mean, sd)", culprit)
        return
    yield from _beside(name, name, prior, -math.inf if theta.lower is None else theta.lower, theta.upper, culprit)


def _beside(
    where: str, name: str, prior: Prior, lower: float | None, upper: float | None, culprit: Culprit | None
) -> Iterator[Problem]:  # fmt: skip
    """Complain about a prior that lies outside the bounds of its parameter."""
    low, high = _reach(prior)
    upper = math.inf if upper is None else upper
    if high <= lower or low >= upper:
        message = f"the prior of {name} lies outside its bounds: {low:.4g} to {high:.4g} against {lower:g} to {upper:g}"
        help = "the prior is one of the parameter on its natural scale"
        help += ", and LogNormal takes mean and SD of the logarithm" if prior.kind == "LogNormal" else ""
        yield Problem(where, message, help, culprit)


def _reach(prior: Prior) -> tuple[float, float]:
    """Return the range that holds nearly all of a prior."""
    given = prior.arguments
    match prior.kind:
        case "Normal":
            return given["mean"] - _WIDTH * given["sd"], given["mean"] + _WIDTH * given["sd"]
        case "LogNormal":
            return _exp(given["mean"] - _WIDTH * given["sd"]), _exp(given["mean"] + _WIDTH * given["sd"])
        case "HalfNormal":
            return -math.inf, _WIDTH * given["sd"]
    return -math.inf, math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _of_spread(result: str, slot: Slot, prior: Prior) -> Iterator[Problem]:
    name, culprit, kind = slot.declaration, Culprit("keyword", slot.field), result.split("_")[0]
    if prior.kind == "LKJ":
        yield Problem(name, f"LKJ is a prior of correlations, not of {result}", "as in Block(CL, V, prior=priors.LKJ(2))", culprit)
        return
    if prior.kind == "InverseWishart":
        if kind not in ("iiv", "iov"):
            help = "use HalfNormal, HalfStudentT or LogNormal of the SD"
            yield Problem(name, f"InverseWishart is a prior of variances of random effects, not of {result}", help, culprit)
        elif not _is_scale(prior.arguments["scale"], 1):
            yield Problem(name, f"the scale of the InverseWishart of {result} must be one positive number", "", culprit)
        return
    if prior.kind in _POSITIVE and kind == "exponent":
        yield Problem(name, f"the prior {prior.kind} of {result} is one of positive numbers, but it may be negative", "use Normal", culprit)
        return
    lower, upper = -math.inf if kind == "exponent" else 0.0, 1.0 if kind == "autocorrelation" else None
    yield from _beside(name, result, prior, lower, upper, culprit)


def _of_block(name: str, block: Block, prior: Prior, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    culprit, size = Culprit("keyword", "prior"), len(block.members)
    if prior.kind not in ("LKJ", "InverseWishart"):
        help = "use LKJ for the correlations, InverseWishart for the covariance matrix; an SD has its own: iiv=Estimate(0.3, prior=...)"
        yield Problem(name, f"{prior.kind} is a prior of a number, not of the Block {name}", help, culprit)
        return
    if block.fixed:
        yield Problem(name, f"{name} holds its correlations, so a prior of them says nothing", "leave prior= out", culprit)
    if prior.kind == "LKJ":
        return
    if block.band is not None:
        yield Problem(name, "InverseWishart is a prior of a full matrix, not of one with a band", "use priors.LKJ(shape)", culprit)
    if prior.arguments["df"] is not None and prior.arguments["df"] <= size - 1:
        message = f"an InverseWishart of {size} effects needs more than {size - 1} degrees of freedom, not {prior.arguments['df']:g}"
        yield Problem(name, message, f"df={size + 1} is the least whose mean exists beyond", culprit)
    if not _is_scale(prior.arguments["scale"], size):
        help = f"give one positive number, or {size} rows of {size} numbers of a symmetric positive definite matrix"
        yield Problem(name, f"the scale of the InverseWishart of {name} is no covariance matrix of {size} effects", help, culprit)
    for member in block.members:
        start = _sd_of(declarations.get(member), block.level)
        if start is not None and (start.prior is not None or start.fixed):
            what = "has a prior of its own" if start.prior is not None else "is fixed"
            message = f"the InverseWishart of {name} is a prior of the SD of {member} too, which {what}"
            yield Problem(name, message, "use LKJ for the correlations beside priors of SDs", culprit)


def _sd_of(declared: Declaration | None, level: str | None) -> StartValue | None:
    if isinstance(declared, IndividualParameter):
        return declared.iiv if level is None else declared.iov
    return getattr(declared, "sd", None)


def _is_scale(scale: object, size: int) -> bool:
    """Whether the scale of an InverseWishart is a positive number or a covariance matrix of the size."""
    if not isinstance(scale, tuple):
        return scale is None or scale > 0
    return _is_covariance(scale, size)


def _is_covariance(matrix: Sequence[Sequence[float | None]], size: int) -> bool:
    if len(matrix) != size or any(len(row) != size for row in matrix) or any(value is None for row in matrix for value in row):
        return False
    if any(matrix[k][k] <= 0 for k in range(size)):
        return False
    if any(abs(matrix[i][j] - matrix[j][i]) > 1e-9 * math.sqrt(matrix[i][i] * matrix[j][j]) for i in range(size) for j in range(i)):
        return False
    scaled = [[matrix[i][j] / math.sqrt(matrix[i][i] * matrix[j][j]) for j in range(size)] for i in range(size)]
    return is_positive_definite(scaled)


def _of_several(name: str, joint: JointNormal, declarations: Mapping[str, Declaration], taken: dict[str, str]) -> Iterator[Problem]:
    for member in joint.members:
        declared, culprit = declarations.get(member), Culprit("name", member)
        if declared is not None and not isinstance(declared, (Theta, Broken)):
            yield Problem(name, f"{member} is {article(declared.word)}, and a JointNormal is a prior of thetas", "", culprit)
        elif isinstance(declared, Theta) and declared.prior is not None:
            yield Problem(name, f"{member} has a prior of its own and one in {name}", "leave one of them out", culprit)
        elif member in taken:
            yield Problem(name, f"{member} has a prior in {taken[member]} already", "leave one of them out", culprit)
        taken.setdefault(member, name)
    size = len(joint.members)
    if size == 0 or len(joint.mean) != size or not _is_covariance(joint.covariance, size):
        help = f"{size} thetas need {size} means, and {size} rows of {size} numbers of a symmetric positive definite matrix"
        yield Problem(name, f"mean and covariance of {name} do not fit its thetas, or the covariance is not positive definite", help)
        return
    for member, mean, row in zip(joint.members, joint.mean, range(size), strict=True):
        theta = declarations.get(member)
        if isinstance(theta, Theta) and mean is not None:
            prior = Prior("Normal", {"mean": mean, "sd": math.sqrt(joint.covariance[row][row])})
            lower = -math.inf if theta.lower is None else theta.lower
            yield from _beside(name, member, prior, lower, theta.upper, Culprit("keyword", "mean"))
