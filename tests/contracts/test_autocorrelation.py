"""Autocorrelated residuals: exact on linear Gaussian models, and independent where the correlation vanishes."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

import popmix
from popmix import *
from popmix.errors import SupportError
from popmix.likelihood import Solver


class Linear(Model):
    """A subject's own mean, two endpoints of which one is correlated in time."""

    a = Theta(1.0)
    A = Normal(a, iiv=0.7)
    x = Observation(A, additive=0.5, autocorrelation=0.6)
    y = Observation(2 * A, additive=0.4)


def irregular() -> pl.DataFrame:
    """Return records of both endpoints in mixed order, at irregular times, with a reset in one subject."""
    rng, rows = np.random.default_rng(4), []
    for subject in range(1, 7):
        times = np.cumsum(rng.exponential(1.0, 2 + subject))
        for k, time in enumerate(times):
            rows.append({"ID": subject, "TIME": time, "DV": rng.normal(1, 1), "DVID": "x" if k % 3 else "y", "EVID": 0})
    return pl.DataFrame(rows)


@pytest.mark.parametrize("method", [popmix.FOCE(), popmix.Laplace(), popmix.AGQ(order=3)], ids=lambda one: one.name)
def test_a_linear_model_is_exact(method):
    data, expected = irregular(), 0.0
    for _, own in data.group_by("ID", maintain_order=True):
        time, is_x = own["TIME"].to_numpy(), (own["DVID"] == "x").to_numpy()
        both = np.outer(is_x, is_x)
        covariance = np.where(both, 0.25 * 0.6 ** np.abs(time[:, None] - time[None, :]), 0.0) + 0.16 * np.diag(~is_x)
        factor = np.where(is_x, 1.0, 2.0)
        covariance += 0.49 * np.outer(factor, factor)
        expected += -2 * stats.multivariate_normal(factor, covariance).logpdf(own["DV"].to_numpy()) - len(own) * np.log(2 * np.pi)
    assert popmix.evaluate(Linear, data, method).ofv == pytest.approx(expected, rel=1e-11)


def test_whitened_residuals_are_those_of_the_whole_covariance():
    """The sum of squares of WRES of a subject is (y - f)' C^-1 (y - f)."""
    data = irregular().filter(pl.col("DVID") == "x")

    class One(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=0.7)
        DV = Observation(A, additive=0.5, autocorrelation=0.6)

    found = popmix.evaluate(One, data.drop("DVID")).predictions_table
    for (subject,), own in data.group_by("ID", maintain_order=True):
        time, residual = own["TIME"].to_numpy(), own["DV"].to_numpy() - 1.0
        covariance = 0.25 * 0.6 ** np.abs(time[:, None] - time[None, :]) + 0.49
        squares = np.sum(found["WRES"][found["ID"] == str(subject)] ** 2)
        assert squares == pytest.approx(residual @ np.linalg.solve(covariance, residual), rel=1e-9)


def concentrations(error: str) -> Model:
    return popmix.model.read(f"""from popmix import *

class Concentrations(Model):
    tvCL = Theta(1.2, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    pk = OneCompartment(cl=CL, v=10)
    DV = Observation(pk.concentration, {error})
""")


def doses() -> pl.DataFrame:
    rng, rows = np.random.default_rng(5), []
    for subject in range(1, 5):
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1})
        rows += [
            {"ID": subject, "TIME": t, "AMT": 0.0, "DV": 10 * np.exp(-0.1 * t) * rng.uniform(0.8, 1.2), "EVID": 0}
            for t in (1.0, 2.0, 5.0, 9.0)
        ]
    return pl.DataFrame(rows)


def test_without_correlation_nothing_changes():
    one, two = (popmix.evaluate(concentrations(error), doses()) for error in ("proportional=0.2", "proportional=0.2, autocorrelation=1e-9"))
    assert one.ofv == pytest.approx(two.ofv, abs=1e-7)


def test_closed_form_and_equations_agree():
    model = concentrations("log_additive=0.2, autocorrelation=0.8")
    found = [popmix.evaluate(model, doses(), solver=Solver(method)).ofv for method in ("auto", "nonstiff", "stiff")]
    assert found == pytest.approx([found[0]] * 3, abs=1e-6)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(SupportError, match="autocorrelation= can't be fitted together with student="):
        popmix.evaluate(concentrations("additive=0.2, autocorrelation=0.8, student=4"), doses())
    with pytest.raises(SupportError, match="autocorrelation= can't be fitted together with values beyond a limit"):
        popmix.evaluate(concentrations("additive=0.2, autocorrelation=0.8, lloq=5"), doses())
    with pytest.raises(SupportError, match="foce can't honour autocorrelation= of DV"):
        popmix.evaluate(concentrations("additive=0.2, autocorrelation=0.8"), doses(), popmix.FOCE(interaction=False))


def test_a_banded_block_keeps_its_zeros():
    class Banded(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=0.7)
        B = Normal(0, iiv=0.3)
        C = Normal(0, iiv=0.1)
        band = Block(A, B, C, correlation=0.2, band=1)
        DV = Observation(A + B * T + C * T**2, additive=0.3)

    rng, rows = np.random.default_rng(6), []
    for subject in range(1, 41):
        u = rng.standard_normal(3)
        own = 1.0 + 0.7 * u[0], 0.3 * (0.6 * u[0] + 0.8 * u[1]), 0.1 * (0.5 * u[1] - 0.375 * u[0] + 0.78 * u[2])
        rows += [
            {"ID": subject, "TIME": t, "DV": own[0] + own[1] * t + own[2] * t**2 + 0.3 * rng.standard_normal()}
            for t in (0.0, 1.0, 2.0, 3.0, 4.0)
        ]
    found = popmix.fit(Banded, pl.DataFrame(rows))
    assert found.convergence.converged and found.parameters["corr_A_C"] == 0.0
    assert found.parameters["corr_A_B"] == pytest.approx(0.6, abs=0.25) and found.parameters["corr_B_C"] != 0.2
    assert popmix.read(popmix.write(Banded)) == Banded
