"""Checks of records, each a function (records, expectation, collector) that adds its findings."""

from popmix.data.checks import covariates, dosing, endpoints, events, levels, observations, outcomes, plausibility, times

CHECKS = (
    *(*times.CHECKS, *events.CHECKS, *dosing.CHECKS, *observations.CHECKS, *endpoints.CHECKS),
    *(*outcomes.CHECKS, *covariates.CHECKS, *levels.CHECKS, *plausibility.CHECKS),
)
