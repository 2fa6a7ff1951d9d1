"""Simulate and fit: models of differential equations find the truth again from starts off it.

Two laws of likelihood judge a fit. The deviance of the truth, OFV(truth) - OFV(estimate), has a chi-squared distribution with as many
degrees of freedom as parameters, and each estimate lies about the truth with the standard error of the curvature there, on the scale of the
search (logarithms, mostly). Deviances may reach the quantile of 0.999 and estimates 3.5 standard errors (one in 2000 is beyond), which
also leaves room for what FOCEI, an approximation, is off with many observations a subject. Seeds are fixed: a failure is a change.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from differences import slopes
from scipy.stats import chi2
from worlds import frame

import popmix
from popmix import *
from popmix.estimate.objective import Objective
from popmix.estimate.scale import Scale
from popmix.likelihood import Conditional, bind
from popmix.model.parameters import Parameters, parameters_of

pytestmark = pytest.mark.slow


class Antibody(Model):
    """A monoclonal antibody under the skin, bound by its target at quasi-steady state, with its equations written out."""

    tvCL = Theta(0.2, lower=0)
    tvV = Theta(3.0, lower=0)
    tvQ = Theta(0.4, lower=0)
    tvV2 = Theta(3.0, lower=0)
    tvKa = Theta(0.3, lower=0)
    tvR0 = Theta(0.5, lower=0)
    tvKss = Theta(0.05, lower=0)
    kdeg = Theta(0.4, lower=0)
    kint = Theta(0.1, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.5)
    R0 = LogNormal(tvR0, iiv=0.4)
    depot = State()
    central = State()
    peripheral = State()
    total_target = State(init=R0)
    total = central / V
    gap = total - total_target - tvKss
    C = 0.5 * (gap + sqrt(gap**2 + 4 * tvKss * total))
    depot.dt = -Ka * depot
    central.dt = Ka * depot - CL * C - tvQ * (C - peripheral / tvV2) - kint * total_target * C / (tvKss + C) * V
    peripheral.dt = tvQ * (C - peripheral / tvV2)
    total_target.dt = kdeg * R0 - kdeg * total_target - (kint - kdeg) * total_target * C / (tvKss + C)
    DV = Observation(total, proportional=0.2)


class Warfarin(Model):
    """Oral warfarin with a lag, and prothrombin complex activity whose production it inhibits."""

    WT = Covariate()
    tvCL = Theta(0.135, lower=0)
    tvV = Theta(8.0, lower=0)
    tvKa = Theta(1.0, lower=0)
    tvLag = Theta(0.8, lower=0)
    tvE0 = Theta(95, lower=0)
    tvKout = Theta(0.05, lower=0)
    tvC50 = Theta(1.2, lower=0)
    Emax = Theta(1.0, fixed=True)
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    V = LogNormal(tvV * WT / 70, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.6)
    Lag = LogNormal(tvLag, iiv=0.3)
    E0 = LogNormal(tvE0, iiv=0.05)
    Kout = LogNormal(tvKout, iiv=0.1)
    C50 = LogNormal(tvC50, iiv=0.4)
    omega = Block(CL, V, correlation=0.3)
    depot = State()
    central = State()
    pca = State(init=E0)
    oral = Dose(depot, lag=Lag)
    C = central / V
    depot.dt = -Ka * depot
    central.dt = Ka * depot - CL * C
    pca.dt = Kout * (E0 * (1 - Emax * C / (C50 + C)) - pca)
    cp = Observation(C, additive=0.3, proportional=0.1)
    effect = Observation(pca, additive=4.0, dvid="pca")


class FullTMDD(Model):
    """Drug and its free target, both measured: the full model of two compartments."""

    tvCL = Theta(0.3, lower=0)
    tvV = Theta(3.0, lower=0)
    tvQ = Theta(0.4, lower=0)
    tvV2 = Theta(3.0, lower=0)
    tvR0 = Theta(2.0, lower=0)
    kon = Theta(0.6, lower=0)
    koff = Theta(0.3, lower=0)
    kint = Theta(0.3, lower=0)
    kdeg = Theta(0.7, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    R0 = LogNormal(tvR0, iiv=0.3)
    pk = TMDD(cl=CL, v=V, q=tvQ, v2=tvV2, r0=R0, kon=kon, koff=koff, kint=kint, kdeg=kdeg)
    drug = Observation(pk.free, additive=0.02, proportional=0.15)
    target = Observation(pk.free_target, additive=0.02, proportional=0.15, dvid="target")


@dataclass(frozen=True)
class Study:
    """A model and its design: doses in turn, times of observation by endpoint (None: the only one); starts are `off` by a factor.

    `curved`: whether the data determine some parameters only together, so that an estimate is not normally distributed about the truth.
    """

    model: Model
    n_subjects: int
    doses: tuple[float, ...]
    times: dict[str | None, tuple[float, ...]]
    off: float
    curved: bool = False

    def records(self) -> list[dict]:
        """Return the records, a covariate WT included when the model has one."""
        rows, rng = [], np.random.default_rng(3)
        for subject in range(1, self.n_subjects + 1):
            own = {"ID": subject} | ({"WT": round(rng.uniform(50, 95), 1)} if "WT" in self.model.covariates else {})
            rows.append(own | {"TIME": 0.0, "AMT": self.doses[subject % len(self.doses)], "EVID": 1})
            for dvid, times in self.times.items():
                label = {} if dvid is None else {"DVID": dvid}
                rows += [own | label | {"TIME": time, "EVID": 0} for time in times]
        return sorted(rows, key=lambda row: (row["ID"], row["TIME"], -row["EVID"]))


_DAYS = (0.25, 1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 21.0, 28.0, 42.0)
# later than nearly all lags: where a lag passes an observation a density has a kink
_HOURS = (2.0, 3.0, 4.5, 8.0, 24.0, 48.0, 96.0, 120.0)
_SHORT = (0.02, 0.1, 0.3, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0)
STUDIES = {
    # drug alone tells the production kdeg r0 of a target that is not seen, hardly its factors
    "QSS, written out": Study(Antibody, 80, (3.0, 10.0, 30.0, 100.0), {None: _DAYS}, 1.3, curved=True),
    "warfarin": Study(Warfarin, 60, (100.0,), {"cp": _HOURS, "pca": (0.0, 12.0, 24.0, 48.0, 72.0, 120.0, 144.0)}, 1.3),
    "full TMDD": Study(FullTMDD, 60, (4.0, 12.0, 40.0), {"drug": _SHORT, "target": _SHORT}, 1.4),
}  # fmt: skip


def simulated(study: Study, seed: int) -> pl.DataFrame:
    """Return the records with DV drawn from the model."""
    rows, truth = study.records(), parameters_of(study.model)
    problem = bind(study.model, frame([row | {"DV": None if row["EVID"] else 1.0} for row in rows]))
    rng = np.random.default_rng(seed)
    etas = rng.multivariate_normal(np.zeros(problem.code.n_etas), truth.omega(), size=problem.n_subjects)
    found = problem.predictions(truth, etas, slopes=False)
    assert np.all(found.status == 0)
    values = iter(found.f + np.sqrt(found.variance) * rng.normal(size=len(found.f)))
    return frame([row | {"DV": None if row["EVID"] else float(next(values))} for row in rows])


def away(truth: Parameters, factor: float, seed: int) -> Parameters:
    """Return starts off the truth: every free value up or down by a factor, at random, correlations halved."""
    rng, values = np.random.default_rng(seed), {}
    for name, value, fixed in zip(truth.names, truth.values, truth.fixed, strict=True):
        if not fixed:
            values[name] = value / 2 if name.startswith("corr_") else value * factor ** rng.choice([-1, 1])
    return truth.with_values(values)


def distances(fit: popmix.Fit, truth: Parameters) -> dict[str, float]:
    """Return estimate less truth in standard errors, by name, on the scale of the search: by differences of the exact gradient."""
    scale = Scale.of(fit.parameters)
    objective, x = Objective(bind(fit.model, fit.data), scale, Conditional(), None), scale.pack(fit.parameters)
    point = objective.at(x)
    hessian = slopes(lambda moved: objective.at(moved, point).gradient, x, 1e-3)
    errors = np.sqrt(np.diag(np.linalg.inv((hessian + hessian.T) / 4)))
    return dict(zip(scale.names, (x - scale.pack(truth)) / errors, strict=True))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", STUDIES)
def test_the_truth_is_found_again(name, seed):
    study = STUDIES[name]
    truth, data = parameters_of(study.model), simulated(study, seed)
    fit = popmix.fit(study.model, data, start=away(truth, study.off, seed))
    assert fit.convergence.converged, fit.convergence.reason
    at_truth = popmix.evaluate(study.model, data, at=truth)
    deviance = at_truth.ofv - fit.ofv
    off = distances(fit, truth)
    assert 0 < deviance < chi2.ppf(0.999, fit.n_estimated), deviance
    assert study.curved or all(abs(one) < 3.5 for one in off.values()), off
    # solving a hundred times as exactly changes nothing that matters
    assert abs(fit.solution.change) < 1e-3
