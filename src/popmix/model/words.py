"""Words of the language that declare: each returns a declaration, to be given a name in the class body of a Model."""

from collections.abc import Sequence
from itertools import pairwise

from popmix.model import declarations as made
from popmix.model.expression import Attribute, Expression, Number, Reference, Text, as_expression, is_refused
from popmix.model.mistakes import did_you_mean, report
from popmix.model.places import Culprit
from popmix.model.wording import number, optional_expression, optional_number, optional_prior, optional_text, start_value, word

_INTERPOLATIONS = ("locf", "nocb", "linear")
_COMBINED, _CENSORING = ("variance", "sd"), ("M1", "M3", "M4")


@word
def Theta(
    start: float,
    *,
    lower: float | None = None,
    upper: float | None = None,
    fixed: bool = False,
    unit: str | None = None,
    label: str | None = None,
    prior: made.Prior | None = None,
) -> made.Theta:
    """Declare a fixed effect with its start value (natural scale), bounds, unit, label and prior."""
    if isinstance(start, made.StartValue):
        start, fixed, prior = start.value, start.fixed or fixed, start.prior or prior
    start = number(start, "the start value of a Theta", 0)
    lower = optional_number(lower, "lower", "lower")
    upper = optional_number(upper, "upper", "upper")
    if not isinstance(fixed, bool):
        report("fixed must be True or False", "the value is the start value: Theta(1.0, fixed=True)", Culprit("keyword", "fixed"))
    prior = optional_prior(prior)
    unit, label = optional_text(unit, "unit", "unit"), optional_text(label, "label", "label")
    return made.Theta(start, lower, upper, fixed, unit, label, prior)


@word
def Covariate(
    *,
    unit: str | None = None,
    label: str | None = None,
    categories: Sequence[str | float] | None = None,
    interpolation: str | None = None,
) -> made.Covariate:
    """Declare a column of the data; `categories` lists its values (texts, or numbers), `interpolation` is "locf", "nocb" or "linear"."""
    if interpolation is not None and interpolation not in _INTERPOLATIONS:
        help = did_you_mean(str(interpolation), _INTERPOLATIONS, 'use "locf", "nocb" or "linear"')
        report(f"interpolation={interpolation!r} is unknown", help, Culprit("keyword", "interpolation"))
    unit, label = optional_text(unit, "unit", "unit"), optional_text(label, "label", "label")
    return made.Covariate(unit, label, _categories(categories), interpolation)


def _categories(categories: object) -> tuple[str | float, ...] | None:
    if categories is None:
        return None
    culprit = Culprit("keyword", "categories")
    if isinstance(categories, str) or not hasattr(categories, "__iter__"):
        report("categories must be a list of values", 'as in categories=("F", "M")', culprit)
        return None
    items = tuple(each if isinstance(each, str) else number(each, "a category", "categories") for each in categories)
    if len({isinstance(each, str) for each in items}) > 1:
        report("categories must be all texts or all numbers", culprit=culprit)
    elif len(set(items)) < len(items) or len(items) < 2:
        report("categories must be two or more different values", culprit=culprit)
    return items


def Fixed(value: float | Sequence[Sequence[float]]) -> made.StartValue:
    """Hold a standard deviation, or correlations (a number or a matrix), at the value: `iiv=Fixed(0.1)`."""
    if isinstance(value, (tuple, list)):
        return made.StartValue(value, fixed=True)
    result = number(value, "the value of Fixed")
    return made.StartValue(float("nan") if result is None else result, fixed=True)


def Estimate(value: float, *, prior: made.Prior | None = None) -> made.StartValue:
    """Start a standard deviation or another parameter of variability at the value, with its prior: `iiv=Estimate(0.3, prior=...)`.

    The prior is one of the standard deviation itself; an InverseWishart is one of the variance.
    """
    result = number(value, "the value of Estimate")
    return made.StartValue(float("nan") if result is None else result, prior=optional_prior(prior))


@word
def Normal(typical: Expression | float, *, iiv: float | None = None, iov: float | None = None) -> made.IndividualParameter:
    """Declare typical + eta, eta ~ N(0, iiv^2); `iiv` and `iov` are standard deviations."""
    return _individual("Normal", typical, iiv, iov)


@word
def LogNormal(typical: Expression | float, *, iiv: float | None = None, iov: float | None = None) -> made.IndividualParameter:
    """Declare typical * exp(eta), eta ~ N(0, iiv^2); `iiv` and `iov` are standard deviations of eta."""
    return _individual("LogNormal", typical, iiv, iov)


@word
def LogitNormal(
    typical: Expression | float, lower: float = 0.0, upper: float = 1.0, *, iiv: float | None = None, iov: float | None = None
) -> made.IndividualParameter:
    """Declare lower + (upper - lower) * expit(logit((typical - lower) / (upper - lower)) + eta), eta ~ N(0, iiv^2)."""
    return _individual("LogitNormal", typical, iiv, iov, lower=lower, upper=upper)


@word
def ProbitNormal(
    typical: Expression | float, lower: float = 0.0, upper: float = 1.0, *, iiv: float | None = None, iov: float | None = None
) -> made.IndividualParameter:
    """Declare a parameter between bounds whose probit is normal: as LogitNormal with the normal distribution function."""
    return _individual("ProbitNormal", typical, iiv, iov, lower=lower, upper=upper)


@word
def BoxCox(
    typical: Expression | float, *, shape: Expression | float, iiv: float | None = None, iov: float | None = None
) -> made.IndividualParameter:
    """Declare typical * exp((exp(shape * eta) - 1) / shape), eta ~ N(0, iiv^2)."""
    return _individual("BoxCox", typical, iiv, iov, shape=shape)


@word
def StudentT(
    typical: Expression | float, *, df: Expression | float, iiv: float | None = None, iov: float | None = None
) -> made.IndividualParameter:
    """Declare typical * exp(t), t the Student quantile (df degrees of freedom) of eta's probability, scaled by iiv."""
    return _individual("StudentT", typical, iiv, iov, df=df)


def _individual(family: str, typical: object, iiv: object, iov: object, **others: object) -> made.IndividualParameter:
    bounds = {name: number(others[name], name, name) for name in ("lower", "upper") if name in others}
    shapes = {name: optional_expression(others[name]) for name in ("shape", "df") if name in others}
    iiv, iov = start_value(iiv, "iiv", "iiv"), start_value(iov, "iov", "iov")
    return made.IndividualParameter(family, as_expression(typical), iiv, iov=iov, **bounds, **shapes)


@word
def Eta(sd: float, *, level: object = None) -> made.Eta:
    """Declare a free random effect, normal with mean 0 and standard deviation `sd`; `level` an Occasion or Level (default: the subject)."""
    return made.Eta(start_value(sd, "sd", "sd"), _level(level))


@word
def Block(
    *members: Expression, correlation: object = 0.0, level: object = None, band: int | None = None, prior: made.Prior | None = None
) -> made.Block:
    """Declare that random effects are correlated; `correlation` is one number or a full matrix, as start values.

    `band`: only effects so many places apart are correlated, the others held at 0; band=1 correlates neighbours.
    """
    names = tuple(_member(each) for each in members)
    fixed = isinstance(correlation, made.StartValue) and correlation.fixed
    if isinstance(correlation, made.StartValue) and correlation.prior is not None:
        report(
            "the prior of a Block belongs to all its correlations",
            "as in Block(CL, V, prior=priors.LKJ(2))",
            Culprit("keyword", "correlation"),
        )
    matrix = _correlations(correlation.value if isinstance(correlation, made.StartValue) else correlation, len(names))
    if band is not None and (isinstance(band, bool) or not isinstance(band, int) or not 1 <= band < max(len(names), 2)):
        report(f"band must be a whole number from 1 to {len(names) - 1}", "band=1 correlates neighbours", Culprit("keyword", "band"))
        band = None
    if band is not None:
        matrix = tuple(tuple(value if abs(i - j) <= band else 0.0 for j, value in enumerate(row)) for i, row in enumerate(matrix))
    return made.Block(tuple(each for each in names if each), matrix, fixed, _level(level), optional_prior(prior), band)


def _member(value: object) -> str | None:
    if isinstance(value, Reference):
        return value.name
    if not is_refused(value):
        report("the members of a Block are names of individual parameters or etas", "as in Block(CL, V, correlation=0.3)")
    return None


def _correlations(value: object, n: int) -> tuple[tuple[float, ...], ...]:
    if not hasattr(value, "__iter__") or isinstance(value, (str, Expression)):
        single = number(value, "correlation", "correlation")
        return tuple(tuple(1.0 if row == column else single for column in range(n)) for row in range(n))
    rows: list[tuple] = [tuple(row) if hasattr(row, "__iter__") else (row,) for row in value]
    if len(rows) != n or any(len(row) != n for row in rows):
        help = f"{n} members need {n} rows of {n} numbers, or one number for all"
        report("the correlation matrix has the wrong size", help, Culprit("keyword", "correlation"))
        return ()
    return tuple(tuple(number(each, "a correlation", "correlation") for each in row) for row in rows)


def _level(value: object) -> str | None:
    if value is None or is_refused(value):
        return None
    if isinstance(value, Reference):
        return value.name
    report("level must be the name of an Occasion or a Level", "as in OCC = Occasion() and level=OCC", Culprit("keyword", "level"))
    return None


@word
def State(init: Expression | float | None = None) -> made.State:
    """Declare a state of a differential equation with its value at the start (default 0); its derivative follows as `name.dt = ...`."""
    return made.State(optional_expression(init))


@word
def Dose(target: Expression, *, f=None, lag=None, duration=None, rate=None, profile=None) -> made.Dose:
    """Declare how doses enter a state or a compartment: fraction absorbed, lag time, duration or rate of an infusion.

    Or `profile`, the density of the time from dose to arrival (it integrates to 1): an expression of TAD, which is here the time since
    the dose in question (since the end of its lag). An amount enters with the rate f AMT profile(TAD), added over all doses.
    """
    parts = (optional_expression(each) for each in (f, lag, duration, rate, profile))
    return made.Dose(_target(target), *parts)


def _target(value: object) -> tuple[str, str | None]:
    if isinstance(value, Attribute):
        return value.owner, value.name
    if isinstance(value, Reference):
        return value.name, None
    if not is_refused(value):
        help = "give the name of a State, or a compartment such as pk.central"
        report("the dose goes nowhere: its target is not a compartment", help, Culprit("argument", "0"))
    return "", None


@word
def Observation(
    prediction: Expression | made.Distribution,
    *,
    additive: float | None = None,
    proportional: float | None = None,
    power: tuple[float, float] | None = None,
    log_additive: float | None = None,
    box_cox: Expression | float | None = None,
    sd: Expression | float | None = None,
    dvid: str | int | None = None,
    lloq: Expression | float | str | None = None,
    uloq: Expression | float | str | None = None,
    combined: str | None = None,
    autocorrelation: float | None = None,
    student: Expression | float | None = None,
    censoring: str | None = None,
) -> made.Observation:
    """Declare what is measured.

    Residual errors are standard deviations: Var = additive^2 + (proportional f)^2 + (power[0] f^power[1])^2, or `log_additive` on
    the log scale, or any expression as `sd`; combined="sd" adds the SDs: SD = additive + proportional f. `box_cox` transforms DV and f.
    `autocorrelation`: residuals (in their SDs) of one endpoint and subject that are t apart are correlated by autocorrelation^t, AR(1)
    in continuous time. `student`: degrees of freedom of Student's t distribution, with the error as its scale.

    Values below `lloq` or above `uloq`, and those with CENS, are censored: by default the probability of a value beyond the limit counts
    (censoring="M3"), with "M4" among those above 0; with "M1" they are left out (Beal, J Pharmacokinet Pharmacodyn 28:481, 2001).
    `prediction` may be a distribution such as Poisson(rate), without residual error.
    """
    if not isinstance(prediction, made.Distribution):
        prediction = as_expression(prediction)
    parts = {"additive": additive, "proportional": proportional, "log_additive": log_additive}
    values = {name: start_value(value, name, name) for name, value in parts.items()}
    return made.Observation(
        prediction, **values, power=_power(power), box_cox=optional_expression(box_cox), sd=optional_expression(sd), dvid=_dvid(dvid),
        lloq=_limit(lloq), uloq=_limit(uloq), combined=_one_of(combined, "combined", _COMBINED),
        autocorrelation=start_value(autocorrelation, "autocorrelation", "autocorrelation"), student=optional_expression(student),
        censoring=_one_of(censoring, "censoring", _CENSORING),
    )  # fmt: skip


def _one_of(value: object, keyword: str, allowed: tuple[str, ...]) -> str | None:
    if value is None or value in allowed:
        return value
    report(f"{keyword}={value!r} doesn't exist", f"use one of {', '.join(map(repr, allowed))}", Culprit("keyword", keyword))
    return None


def _power(value: object) -> tuple[made.StartValue, made.StartValue] | None:
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        report("power needs two numbers", "as in power=(coefficient, exponent)", Culprit("keyword", "power"))
        return None
    return tuple(start_value(each, f"the {name} of power", "power") for each, name in zip(value, ("coefficient", "exponent"), strict=True))


def _dvid(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    label = number(value, "dvid", "dvid")
    return None if label is None else f"{label:g}"


def _limit(value: object) -> Expression | None:
    if value is None or isinstance(value, (Text, Number, Reference)):
        return value
    return as_expression(value)


@word
def Occasion(column: str | None = None, *, dose: bool = False, breaks: tuple[float, ...] | None = None) -> made.Occasion:
    """Declare the occasions of a subject: the column that labels them (default: the column with the declaration's name).

    Or `dose=True`: one begins with every dose record (doses at one time begin one); or `breaks`, times at which new ones begin.
    """
    if (column is not None) + bool(dose) + (breaks is not None) > 1:
        report("an Occasion goes by a column, by doses or by breaks", "give one of them", Culprit("keyword", "dose" if dose else "breaks"))
    return made.Occasion(optional_text(column, "the column of an Occasion", "column"), bool(dose), _breaks(breaks))


def _breaks(value: object) -> tuple[float, ...] | None:
    if value is None:
        return None
    times = tuple(number(each, "a break", "breaks") for each in (value if isinstance(value, (tuple, list)) else (value,)))
    if not times or any(later is None or earlier is None or later <= earlier for earlier, later in pairwise(times)):
        report("breaks must be times in increasing order", "as in Occasion(breaks=(24, 48))", Culprit("keyword", "breaks"))
        return None
    return times


@word
def Level(column: str | None = None) -> made.Level:
    """Declare a column that groups records or subjects (default: the column with the declaration's name)."""
    return made.Level(optional_text(column, "the column of a Level", "column"))


@word
def Mixture(*shares: Expression | float) -> made.Mixture:
    """Declare a latent group of the subject, numbered from 1, with the share of each; compare it as `group == 1`."""
    if len(shares) < 2:
        report("a Mixture needs the shares of two or more groups", "as in Mixture(share, 1 - share)")
    return made.Mixture(tuple(as_expression(each) for each in shares))
