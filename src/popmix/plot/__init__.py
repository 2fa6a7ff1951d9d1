"""Drawings of tables: they know columns, no models."""

from popmix.plot.checks import category_vpc, cumulative_vpc, kaplan_meier, npc_picture, npde_panel, survival_vpc, vpc_picture
from popmix.plot.convergence import convergence_picture, convergence_plot
from popmix.plot.effects import effect_distributions, effect_pairs, effects_against_covariates
from popmix.plot.exposure import exposure_bands
from popmix.plot.fits import individual_fits, observed_predicted
from popmix.plot.picture import Picture
from popmix.plot.residuals import absolute_residuals, gof_panel, residual_distribution, residual_quantiles, residuals_against
from popmix.plot.smooth import loess
from popmix.plot.subjects import influence_picture, objective_by_subject, objectives_picture, spaghetti
from popmix.plot.uncertainty import forest, objective_quantiles, parameter_densities, profile_curves

__all__ = [
    "Picture",
    "absolute_residuals",
    "category_vpc",
    "cumulative_vpc",
    "convergence_picture",
    "convergence_plot",
    "effect_distributions",
    "effect_pairs",
    "effects_against_covariates",
    "exposure_bands",
    "forest",
    "gof_panel",
    "individual_fits",
    "influence_picture",
    "kaplan_meier",
    "loess",
    "npc_picture",
    "npde_panel",
    "objective_by_subject",
    "objective_quantiles",
    "objectives_picture",
    "observed_predicted",
    "parameter_densities",
    "profile_curves",
    "residual_distribution",
    "residual_quantiles",
    "residuals_against",
    "spaghetti",
    "survival_vpc",
    "vpc_picture",
]
