"""What fit and evaluate accept, and what a Fit holds."""

import math

import numpy as np
import pandas
import polars as pl
import pytest
from shared_models import METHODS, Decline, decline

import popmix
from popmix import *
from popmix.app.theophylline import Theophylline
from popmix.compiler.emit import compile_functions
from popmix.data import datasets
from popmix.data.reading import read
from popmix.model.parameters import parameters_of


class Pooled(Model):
    """A straight line for everybody."""

    a = Theta(0.0)
    b = Theta(0.0)
    DV = Observation(a + b * T, additive=1.0)


@pytest.fixture(scope="module")
def found() -> popmix.Fit:
    return popmix.fit(Decline, decline(), seed=17)


def test_a_path_a_frame_and_a_table_are_the_same_data(tmp_path, found):
    data = decline()
    data.write_csv(tmp_path / "data.csv")
    sources = [tmp_path / "data.csv", str(tmp_path / "data.csv"), data, pandas.DataFrame(data.to_dict(as_series=False)), read(data)]
    ofvs = [popmix.fit(Decline, source).ofv for source in sources]
    assert ofvs == [found.ofv] * len(sources)


def test_focei_is_the_default(found):
    assert found.method == popmix.FOCE(interaction=True) and found.method.name == "focei"
    assert popmix.FOCE(interaction=False).name == "foce"


def test_the_fields_of_a_fit(found):
    assert found.model is Decline and found.seed == 17
    assert (found.n_subjects, found.n_observations, found.n_estimated) == (10, 50, 4)
    assert found.start.as_dict() == parameters_of(Decline).as_dict()
    assert set(found.shrinkage) == {"Rate"} and found.messages == ()
    assert found.timing["fit"] > 0 and set(found.versions) >= {"python", "popmix", "numpy"}
    assert found.convergence.converged and not found.convergence.evaluated_only
    assert np.array_equal(found.weights, np.ones(10))


def test_the_criteria(found):
    assert found.minus2ll == pytest.approx(found.ofv + 50 * math.log(2 * math.pi), rel=1e-14)
    assert found.aic == pytest.approx(found.minus2ll + 2 * 4, rel=1e-14)
    assert found.bic == pytest.approx(found.minus2ll + 4 * math.log(50), rel=1e-14)


def test_fixed_parameters_do_not_count():
    held = popmix.fit(Decline.fix("start", "iiv_Rate"), decline())
    assert held.n_estimated == 2 and held.aic == pytest.approx(held.minus2ll + 4, rel=1e-14)


def test_shrinkage(found):
    spread = np.std(found.individuals_table["eta_Rate"], ddof=1)
    assert found.shrinkage["Rate"] == pytest.approx(100 * (1 - spread / found.parameters["iiv_Rate"]), rel=1e-12)


def test_individual_parameters_follow_from_the_etas(found):
    table = found.individuals_table
    expected = found.parameters["rate"] * np.exp(table["eta_Rate"])
    assert table["Rate"] == pytest.approx(expected, rel=1e-12)
    assert np.all(table["STATUS"] == 0)


def test_data_frames_of_both_kinds(found):
    assert isinstance(found.predictions_table.to_pandas(), pandas.DataFrame)
    assert isinstance(found.predictions_table.to_polars(), pl.DataFrame)
    frame = found.predictions_table.to_pandas()
    assert len(frame) == 50 and found.predictions().shape == frame.shape
    assert list(frame.columns)[:11] == ["ID", "TIME", "DV", "PRED", "IPRED", "RES", "IRES", "WRES", "IWRES", "CWRES", "NPDE"]
    assert list(found.individuals().columns) == ["ID", "OFV", "STATUS", "eta_Rate", "Rate"]
    polars = found.predictions_table.to_polars()
    assert polars["IPRED"].to_numpy() == pytest.approx(frame["IPRED"].to_numpy(), rel=0, abs=0)


def test_predictions_follow_from_the_parameters(found):
    table, p = found.predictions_table, found.parameters
    assert table["PRED"] == pytest.approx(p["start"] * np.exp(-p["rate"] * table["TIME"]), rel=1e-12)
    own = dict(zip(found.individuals_table["ID"], found.individuals_table["Rate"], strict=True))
    rates = np.array([own[subject] for subject in table["ID"]])
    assert table["IPRED"] == pytest.approx(p["start"] * np.exp(-rates * table["TIME"]), rel=1e-12)
    assert table["RES"] == pytest.approx(table["DV"] - table["PRED"], abs=1e-12)
    assert table["IRES"] == pytest.approx(table["DV"] - table["IPRED"], abs=1e-12)
    assert np.all(np.isnan(table["NPDE"]))


def test_the_table_of_estimates(found):
    table = found.estimates()
    assert list(table["name"]) == ["start", "rate", "additive_DV", "iiv_Rate"]
    assert np.array_equal(table["value"], found.parameters.values)
    assert list(table["unit"]) == [None, "1/h", None, None] and not np.any(table["fixed"])
    assert np.all(np.isnan(table["se"]))


def test_start_and_at_take_names_and_parameters(found):
    values = {"start": 11.0, "iiv_Rate": 0.2}
    by_name = popmix.evaluate(Decline, decline(), at=values)
    by_value = popmix.evaluate(Decline, decline(), at=parameters_of(Decline).with_values(values))
    assert by_name.ofv == by_value.ofv != popmix.evaluate(Decline, decline()).ofv
    assert by_name.parameters.as_dict() == parameters_of(Decline).as_dict() | values
    assert by_name.convergence.evaluated_only and by_name.convergence.iterations == 0
    again = popmix.fit(Decline, decline(), start=found.parameters)
    assert again.ofv == pytest.approx(found.ofv, abs=1e-6) and again.convergence.iterations <= 1


def test_a_fit_does_not_change_what_it_is_given(found):
    start, data = parameters_of(Decline), decline()
    before, weights = start.values.copy(), np.ones(10)
    popmix.fit(Decline, data, start=start, weights=weights)
    assert np.array_equal(start.values, before) and np.array_equal(weights, np.ones(10)) and data.equals(decline())


ENGINE, EQUATIONS = "the engine", "the engine for differential equations"


@pytest.mark.parametrize(("solver", "parts"), [(popmix.Solver(), [ENGINE]), (popmix.Solver("nonstiff"), [ENGINE, EQUATIONS])])
@pytest.mark.parametrize("cached", [True, False])
def test_progress_says_which_parts_of_the_engine_are_compiled(cached, solver, parts, monkeypatch):
    news = []
    monkeypatch.setattr("popmix.estimate.binding.stamp.is_cached", lambda folder, part: cached)
    monkeypatch.setattr("popmix.estimate.binding.stamp.keep", lambda folder, part: news.append(f"kept {part}"))

    class Told:
        def update(self, phase: str, fraction: float | None, message: str) -> None:
            news.append(message)

    popmix.evaluate(Theophylline, popmix.datasets.load("theophylline"), progress=Told(), solver=solver)
    expected = [f"loading {part}" for part in parts]
    if not cached:
        kept = {ENGINE: "engine", EQUATIONS: "equations"}
        expected = [line for part in parts for line in (f"compiling {part} (once per installation)", f"kept {kept[part]}")]
    assert news == [*expected, "preparing Theophylline"]


def test_a_second_fit_of_a_model_compiles_nothing(monkeypatch):
    calls = []

    class Fresh(Model):
        """No other test has had it compiled."""

        rate = Theta(0.3, lower=0)
        Rate = LogNormal(rate, iiv=0.3)
        DV = Observation(11.71 * exp(-Rate * T), additive=0.5)

    def counted(*arguments):
        calls.append(arguments)
        return compile_functions(*arguments)

    monkeypatch.setattr("popmix.compiler.build.compile_functions", counted)
    for seed in (6, 7):
        popmix.fit(Fresh, decline(seed=seed))
        assert len(calls) == 1


@pytest.mark.parametrize(("method", "most"), [("focei", 20), ("foce", 40)])
def test_theophylline_takes_few_evaluations(method, most):
    """7 and 19 when this was written."""
    found = popmix.fit(Theophylline, datasets.load("theophylline"), METHODS[method])
    assert found.convergence.converged and found.convergence.evaluations <= most


def test_few_iterations_are_not_called_convergence():
    short = popmix.fit(Decline, decline(), popmix.FOCE(iterations=1), start={"rate": 3.0})
    assert not short.convergence.converged and "1 iteration, " in short.convergence.reason
    assert "slopes most along " in short.convergence.reason
    assert "NOT CONVERGED" in str(short)


def test_fewer_iterations_reach_a_higher_objective(found):
    short = popmix.fit(Decline, decline(), popmix.FOCE(iterations=2), start={"rate": 3.0})
    assert found.ofv < short.ofv < popmix.evaluate(Decline, decline(), at={"rate": 3.0}).ofv


def test_nothing_to_estimate():
    held = Decline.fix(*parameters_of(Decline).names)
    result = popmix.fit(held, decline())
    assert result.ofv == popmix.evaluate(Decline, decline()).ofv
    assert result.convergence.converged and result.n_estimated == 0 and result.aic == result.minus2ll


def test_no_random_effects_is_least_squares():
    data = decline()
    result = popmix.fit(Pooled, data)
    design = np.column_stack([np.ones(50), data["TIME"]])
    coefficients, (sum_of_squares,), *_ = np.linalg.lstsq(design, data["DV"].to_numpy(), rcond=None)
    sd = math.sqrt(sum_of_squares / 50)
    # a decrement of 1e-6 leaves 1e-3 standard errors at most; here less, for the search ends with Newton's steps: the square of 1e-3
    assert result.parameters.values == pytest.approx([*coefficients, sd], rel=1e-5)
    # and the OFV is flat there
    assert result.ofv == pytest.approx(50 * (2 * math.log(sd) + 1), abs=1e-9)
    assert result.shrinkage == {} and list(result.individuals_table) == ["ID", "OFV", "STATUS"]
    assert result.predictions_table["IPRED"] == pytest.approx(result.predictions_table["PRED"], rel=1e-15)
    both = popmix.fit(Pooled, data, popmix.FOCE(interaction=False))
    assert both.ofv == pytest.approx(result.ofv, abs=1e-9)


def test_one_subject_has_no_variability_between_subjects():
    data = decline(1)
    one = popmix.fit(Decline, data)
    assert one.parameters["iiv_Rate"] < 1e-3 and any("iiv_Rate went to zero" in message for message in one.messages)
    assert math.isnan(one.shrinkage["Rate"])

    class Alone(Model):
        start = Theta(10.0, lower=0)
        rate = Theta(0.3, lower=0)
        DV = Observation(start * exp(-rate * T), additive=0.5)

    # an effect that vanished is within the tolerance of 1e-6 of none, ten times over
    assert one.ofv == pytest.approx(popmix.fit(Alone, data).ofv, abs=1e-5)


def test_a_subject_without_observations_counts_and_adds_nothing(found):
    empty = pl.DataFrame({"ID": [99], "TIME": [1.0], "DV": [None], "MDV": [1]}, schema_overrides={"DV": pl.Float64})
    data = pl.concat([decline().with_columns(MDV=pl.lit(0, dtype=pl.Int64)), empty])
    result = popmix.fit(Decline, data)
    assert (result.n_subjects, result.n_observations) == (11, 50)
    assert result.ofv == pytest.approx(found.ofv, abs=2e-6)  # both within the tolerance of 1e-6 of the minimum
    # 1e-3 standard errors, which are some tenths of the values
    assert result.parameters.values == pytest.approx(found.parameters.values, rel=1e-4)
    last = {name: values[-1] for name, values in result.individuals_table.items()}
    assert last["ID"] == "99" and last["OFV"] == 0 and last["eta_Rate"] == 0
    assert any("99" in message for message in result.messages)


def test_a_subject_without_weight_has_no_mode():
    weights = np.ones(10)
    weights[3] = 0.0
    found = popmix.fit(Decline, decline(), weights=weights)
    etas = [values for name, values in found.individuals_table.items() if name.startswith("eta_")]
    assert all(np.isnan(values[3]) and np.all(np.isfinite(np.delete(values, 3))) for values in etas)
    assert all(np.isfinite(value) for value in found.shrinkage.values())
    assert np.isfinite(found.ofv)


def test_columns_of_other_names_are_mapped():
    renamed = decline().rename({"TIME": "HOURS", "DV": "CONC"})
    found = popmix.evaluate(Decline, renamed, columns={"time": "HOURS", "dv": "CONC"})
    assert found.ofv == popmix.evaluate(Decline, decline()).ofv


def test_frames_are_of_the_library_of_the_data():
    polars, frame = decline(), pandas.DataFrame(decline().to_dict(as_series=False))
    sources = [(frame, pandas.DataFrame), (popmix.read(frame), pandas.DataFrame), (polars, pl.DataFrame), (read(polars), pl.DataFrame)]
    for data, kind in sources:
        result = popmix.evaluate(Decline, data)
        assert isinstance(result.predictions(), kind) and isinstance(result.individuals(), kind)
    assert isinstance(popmix.fit(Decline, popmix.read(frame)).individuals(), pandas.DataFrame)
