"""Every picture can be drawn for print and as an interactive document, also from tables without rows."""

import json

import matplotlib.pyplot as plt
import numpy as np
import picture_tables as made
import plotly.graph_objects
import pytest

from popmix.plot import checks, effects, exposure, fits, residuals, subjects, uncertainty
from popmix.table import Table

SDS, SHRINKAGE = {"eta_CL": 0.3, "eta_V": 0.25}, {"eta_CL": 12.4, "eta_V": 3.0}
STRATA = ("fed", "fasted")
EXPECTED = -2 * np.log(1 - (np.arange(300) + 0.5) / 300)  # chi-squared with 2 degrees of freedom
INTERVALS = Table({"NAME": ["CL", "V"], "LOWER": [1.4, 10.9], "UPPER": [1.8, 13.1]})

PICTURES = {
    "dv_ipred": lambda: fits.observed_predicted(made.observations()),
    "dv_pred_log_by": lambda: fits.observed_predicted(made.observations(), "PRED", log=True, by="DVID"),
    "individual": lambda: fits.individual_fits(made.observations(), made.curves(), made.doses(), limits=made.LIMIT)[0],
    "individual_log": lambda: fits.individual_fits(made.observations(), made.curves(), made.doses(), log=True)[1],
    "cwres_time": lambda: residuals.residuals_against(made.observations()),
    "cwres_pred_by": lambda: residuals.residuals_against(made.observations(), against="PRED", by="SEX"),
    "absolute": lambda: residuals.absolute_residuals(made.observations()),
    "distribution": lambda: residuals.residual_distribution(made.observations()),
    "quantiles": lambda: residuals.residual_quantiles(made.observations()),
    "gof": lambda: residuals.gof_panel(made.observations()),
    "npde": lambda: checks.npde_panel(made.observations()),
    "npde_bands": lambda: checks.npde_panel(made.observations(), made.residual_bands()),
    "vpc": lambda: checks.vpc_picture(made.bins(), made.vpc_points(), limit=made.LIMIT, below=made.below()),
    "vpc_log": lambda: checks.vpc_picture(made.bins(), made.vpc_points(), log=True, ribbon=False),
    "vpc_strata": lambda: checks.vpc_picture(made.bins(STRATA), made.vpc_points(STRATA), below=made.below(STRATA), corrected=True),
    "categories": lambda: checks.category_vpc(made.categories()),
    "survival": lambda: checks.survival_vpc(*made.survival()),
    "kaplan_meier": lambda: checks.kaplan_meier(made.survival()[0]),
    "npc": lambda: checks.npc_picture(made.coverage()),
    "effects": lambda: effects.effect_distributions(made.effects(), SDS, SHRINKAGE, made.samples()),
    "effects_covariates": lambda: effects.effects_against_covariates(made.effects(), made.covariates()),
    "effects_covariates_samples": lambda: effects.effects_against_covariates(made.effects(), made.covariates(), made.samples()),
    "pairs": lambda: effects.effect_pairs(made.effects(), made.samples()),
    "forest": lambda: uncertainty.forest(made.forest_rows()),
    "densities": lambda: uncertainty.parameter_densities(made.draws(), {"CL": 1.65, "V": 12.0}, {"CL": (1.3, 2.0)}),
    "objective_quantiles": lambda: uncertainty.objective_quantiles(np.random.default_rng(1).chisquare(2, 300), EXPECTED, 2),
    "profiles": lambda: uncertainty.profile_curves(made.profiles(), INTERVALS),
    "spaghetti": lambda: subjects.spaghetti(made.observations()),
    "spaghetti_log": lambda: subjects.spaghetti(made.observations(), log=True, by="SEX"),
    "objectives": lambda: subjects.objectives_picture(made.objectives()),
    "objective_by_subject": lambda: subjects.objective_by_subject(made.objectives_of_one()),
    "influence": lambda: subjects.influence_picture(made.influence()),
    "exposure": lambda: exposure.exposure_bands(made.exposure(), targets=(3.0, 6.0), doses=Table({"TIME": [0.0, 12.0]})),
    "exposure_log": lambda: exposure.exposure_bands(made.exposure(), targets=5.0, log=True),
}


def nothing(table):
    return Table({name: values[:0] for name, values in table.items()}, table.units)


EMPTY = {
    "dv_ipred": lambda: fits.observed_predicted(nothing(made.observations())),
    "dv_log": lambda: fits.observed_predicted(nothing(made.observations()), log=True),
    "individual": lambda: fits.individual_fits(nothing(made.observations()), made.curves())[0],
    "gof": lambda: residuals.gof_panel(nothing(made.observations())),
    "npde": lambda: checks.npde_panel(nothing(made.observations())),
    "vpc": lambda: checks.vpc_picture(nothing(made.bins()), nothing(made.vpc_points()), below=nothing(made.below()), log=True),
    "categories": lambda: checks.category_vpc(nothing(made.categories())),
    "survival": lambda: checks.survival_vpc(nothing(made.survival()[0]), nothing(made.survival()[1])),
    "npc": lambda: checks.npc_picture(nothing(made.coverage())),
    "effects": lambda: effects.effect_distributions(nothing(made.effects()), SDS, {}, nothing(made.samples())),
    "effects_covariates": lambda: effects.effects_against_covariates(nothing(made.effects()), nothing(made.covariates())),
    "pairs": lambda: effects.effect_pairs(nothing(made.effects())),
    "forest": lambda: uncertainty.forest(nothing(made.forest_rows())),
    "densities": lambda: uncertainty.parameter_densities(nothing(made.draws())),
    "objective_quantiles": lambda: uncertainty.objective_quantiles([], [], 2),
    "profiles": lambda: uncertainty.profile_curves(nothing(made.profiles())),
    "spaghetti": lambda: subjects.spaghetti(nothing(made.observations())),
    "objectives": lambda: subjects.objectives_picture(nothing(made.objectives())),
    "influence": lambda: subjects.influence_picture(nothing(made.influence())),
    "exposure": lambda: exposure.exposure_bands(nothing(made.exposure())),
}

CASES = [*((name, make) for name, make in PICTURES.items()), *((f"empty_{name}", make) for name, make in EMPTY.items())]


@pytest.mark.parametrize("make", [make for _, make in CASES], ids=[name for name, _ in CASES])
def test_every_picture_is_drawn(make):
    picture = make()
    assert picture.title and picture.data
    figure = picture.titled("title", "OFV 12.3", "caption").to_matplotlib()
    figure.canvas.draw()
    plt.close("all")
    document = json.loads(json.dumps(picture.document(), allow_nan=False))
    assert plotly.graph_objects.Figure(document).to_dict()["layout"]
