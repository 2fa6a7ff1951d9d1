"""The covariance of maximum-likelihood estimates: R, S and the sandwich.

In units of -log L, with H the second derivatives of the OFV and g_i the gradient of the OFV of subject i (weight w_i),

    R = H / 2,    S = sum_i w_i g_i g_i' / 4
    cov = R^-1 S R^-1 ("sandwich", NONMEM's default),    R^-1 ("r", MATRIX=R),    S^-1 ("s", MATRIX=S).

R and S are computed on the unconstrained scale, where the differences are well scaled, and carried to the natural one by the derivative of
the transformation. Subjects that share random effects of a level above them count as one in S. Parameters that vanished (an SD at zero, a
correlation at 1) have no curvature: they are held where they are. Source: NONMEM Users Guide, $COVARIANCE; White (Econometrica 50:1, 1982).
"""

from dataclasses import dataclass, replace

import numpy as np

from popmix.data.findings import counted
from popmix.errors import OptionError
from popmix.estimate.binding import bound
from popmix.estimate.directions import Direction, flattest
from popmix.estimate.extremes import is_near_one, is_near_zero
from popmix.estimate.objective import Objective, natural_scores
from popmix.estimate.observed import observed_information
from popmix.estimate.progress import Progress
from popmix.estimate.result import Fit
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters
from popmix.table import Table
from popmix.uncertainty.quantiles import normal_quantile

KINDS = ("sandwich", "r", "s")


@dataclass(frozen=True, eq=False, repr=False)
class Covariance:
    """Covariance of the estimates of a fit on the natural scale (thetas as declared, SDs, correlations).

    kind: "sandwich", "r" or "s"; names: the parameters it covers, in the order of `matrix`; held: estimated parameters at the edge of the
    possible, which have none. r, s: R and S of these parameters on the natural scale, in units of -log L. trouble: why the matrix does not
    exist (it is nan then) or what it is to be doubted for, "" where all is well. flattest: the combination that the data say least about.
    """

    kind: str
    parameters: Parameters
    names: tuple[str, ...]
    held: tuple[str, ...]
    matrix: np.ndarray
    r: np.ndarray
    s: np.ndarray
    trouble: str
    flattest: Direction | None

    @property
    def exists(self) -> bool:
        """Whether there is a covariance matrix."""
        return bool(np.all(np.isfinite(self.matrix)))

    @property
    def se(self) -> dict[str, float]:
        """Standard errors by name."""
        return dict(zip(self.names, np.sqrt(np.diag(self.matrix)).tolist(), strict=True))

    @property
    def correlation(self) -> np.ndarray:
        """Correlation matrix of the estimates, in the order of `names`."""
        errors = np.sqrt(np.diag(self.matrix))
        return self.matrix / np.outer(errors, errors)

    @property
    def condition_number(self) -> float:
        """Largest over smallest eigenvalue of the correlation matrix of the estimates (NONMEM's); above 1000 is called ill conditioned."""
        if not self.exists or not self.names:
            return float("nan")
        values = np.linalg.eigvalsh(self.correlation)
        return float(values[-1] / values[0]) if values[0] > 0 else float("inf")

    def errors(self, level: float = 0.95) -> Table:
        """Return one row per parameter: name, value, se, rse (percent), lower, upper (Wald: value -+ z se on the natural scale), fixed.

        Raises OptionError for a level that is no probability.
        """
        z, se, own = normal_quantile(level), self.se, self.parameters
        errors = np.array([se.get(name, np.nan) for name in own.names])
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = 100 * errors / np.abs(own.values)
        columns = {
            "name": np.array(own.names, dtype=object),
            "value": own.values,
            "se": errors,
            "rse": np.where(own.values == 0, np.nan, relative),
            "lower": own.values - z * errors,
            "upper": own.values + z * errors,
            "fixed": own.fixed,
        }
        return Table(columns)

    def interval(self, name: str, level: float = 0.95, *, unconstrained: bool = False) -> tuple[float, float]:
        """Return the Wald interval of a parameter: on the natural scale, or made on the unconstrained one and carried back.

        The unconstrained scale (logarithms of SDs and of thetas bounded on one side) keeps the ends within the bounds and is the better
        one for SDs; correlations take Fisher's z. Raises ModelError for an unknown name, OptionError for a wrong level.
        """
        own, position = self.parameters, self.parameters.index(name)
        z, value, error = normal_quantile(level), own[name], self.se.get(name, np.nan)
        if not unconstrained:
            return value - z * error, value + z * error
        if own.kinds[position] == "corr":
            middle, wide = np.arctanh(value), z * error / (1 - value**2)
            return float(np.tanh(middle - wide)), float(np.tanh(middle + wide))
        scale = Scale.of(own)
        k = scale.names.index(name)
        x, slopes = scale.pack(own), np.zeros(len(scale.free))
        slopes[k] = z * error / scale.jacobian(x)[position, k]
        return float(scale.unpack(x - slopes)[position]), float(scale.unpack(x + slopes)[position])

    def parameter_draws(self, n: int, seed: int = 1) -> np.ndarray:
        """Return n draws [n, V] of all parameters: normal on the unconstrained scale, where none leaves its bounds; the others stay.

        Raises OptionError where there is no covariance.
        """
        if not self.exists:
            raise OptionError(f"there is no covariance to draw from: {self.trouble}")
        own = self.parameters
        scale = Scale.of(own.with_fixed(~np.isin(own.names, self.names)))
        x = scale.pack(own)
        back = np.linalg.pinv(scale.jacobian(x)[scale.free])
        root = np.linalg.cholesky(back @ self.matrix @ back.T)
        noise = np.random.default_rng(seed).standard_normal((n, len(x)))
        return np.stack([scale.unpack(x + root @ one) for one in noise])

    def __repr__(self) -> str:
        head = f"Covariance of the estimates ({self.kind})"
        if not self.exists:
            return f"{head}: none. {self.trouble}"
        lines = [f"{head}, condition number {self.condition_number:.3g}", repr(self.errors())]
        lines += [f"Held where they are, at the edge of the possible: {', '.join(self.held)}."] if self.held else []
        lines += [self.trouble] if self.trouble else []
        return "\n".join(lines)


def covariance(fit: Fit, kind: str = "sandwich", *, threads: int | None = None, progress: Progress | None = None) -> Covariance:
    """Return the covariance of the estimates of a fit.

    kind: "sandwich", "r" or "s". A matrix that does not exist is no error: `trouble` says why, and along which parameters the objective is
    flat. That of a fit by SAEM is the one of the method that evaluates its objective. Raises OptionError for another kind.
    """
    if kind not in KINDS:
        raise OptionError(f"kind={kind!r} doesn't exist: it is {', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}.")
    problem, method = bound(fit, progress), fit.method.judge
    scale = Scale.of(_held(fit))
    rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
    objective = Objective(problem, scale, rule, threads, priors)
    point = objective.point(scale.pack(fit.parameters), method.evaluate(problem, fit.parameters, threads))
    hessian = observed_information(objective, point, progress) if kind != "s" else np.full((len(point.x),) * 2, np.nan)
    jacobian = scale.jacobian(point.x)
    scores = _by_unit(problem, natural_scores(problem, point.state)) @ jacobian
    found = _covariance(kind, fit, scale, 0.5 * hessian, 0.25 * scores.T @ scores, jacobian)
    n_units = int(np.sum(np.any(scores != 0, axis=1)))
    if kind == "r" or n_units > len(point.x) or not found.exists:
        return found
    # the scores of all subjects add up to zero: S has a rank below their number, and the matrix would be singular without a sign of it
    told = f"{kind} of {counted(len(point.x), 'parameter')} needs more subjects than that, and {n_units} tell something"
    few = f'{told}: use kind="r" or sir().'
    return replace(found, matrix=np.full_like(found.matrix, np.nan), trouble=few)


def _held(fit: Fit) -> Parameters:
    """Return the estimates with those at the edge of the possible fixed."""
    own, at_edge = fit.parameters, fit.parameters.fixed.copy()
    for position in range(len(own)):
        at_edge[position] |= is_near_zero(own, fit.start, position) or is_near_one(own, position)
    return own.with_fixed(at_edge)


def _by_unit(problem: Problem, scores: np.ndarray) -> np.ndarray:
    """Return the scores of independent units, times the root of their weights: of subjects, or of the groups of the outermost level."""
    if not problem.effects.n_above:
        return scores * np.sqrt(problem.weights)[:, None]
    group = problem.groupings.above[0].group
    together = np.zeros((int(group.max()) + 1, scores.shape[1]))
    np.add.at(together, group, scores)
    weights = np.zeros(len(together))
    weights[group] = problem.weights
    return together * np.sqrt(weights)[:, None]


def _covariance(kind: str, fit: Fit, scale: Scale, r: np.ndarray, s: np.ndarray, jacobian: np.ndarray) -> Covariance:
    names = scale.names
    held = tuple(name for name, fixed in zip(fit.parameters.names, fit.parameters.fixed, strict=True) if not fixed and name not in names)
    told = s if kind == "s" else r
    flat, trouble = flattest(told, names, is_r=kind != "s")
    if flat is not None and flat.is_flat:
        matrix = np.full(r.shape, np.nan)
    elif kind == "sandwich":
        half = np.linalg.solve(r, s)
        matrix = np.linalg.solve(r, half.T)
    else:
        matrix = np.linalg.inv(told)
    own = jacobian[scale.free]
    back = np.linalg.pinv(own)
    natural = own @ (0.5 * (matrix + matrix.T)) @ own.T
    return Covariance(kind, fit.parameters, names, held, natural, back.T @ r @ back, back.T @ s @ back, trouble, flat)
