"""Corrections that make observations of a bin comparable, whatever their doses and covariates: applied to observed and simulated alike.

With LB a lower bound of the outcome (0 for concentrations) and PRED the population prediction,

    prediction (pcVPC):   DV_pc = LB + (DV - LB) (PRED_bin - LB) / (PRED - LB),   PRED_bin the median PRED of the bin
    on a log scale:       DV_pc = DV + PRED_bin - PRED
    variability (pvcVPC): DV_pvc = PRED_bin + (DV_pc - PRED_bin) SD_bin / SD,     SD of simulated DV_pc, SD_bin its median in the bin
    reference (rcVPC):    DV_rc = LB + (DV - LB) (PRED_reference - LB) / (PRED - LB)

PRED_reference is the prediction for the same record under reference doses and covariates, which also undoes adaptive dosing. Sources:
Bergstrand et al. (AAPS J 13:143, 2011); Ibrahim, Jonsson and Bergstrand (AAPS J 27, 2025, 10.1208/s12248-025-01065-2).
"""

import numpy as np


def prediction_factor(pred: np.ndarray, bins: np.ndarray, lower_bound: float = 0.0) -> np.ndarray:
    """Return (PRED_bin - LB) / (PRED - LB) of every observation; 1 where both are 0, nan where only PRED - LB is."""
    return reference_factor(pred, binwise_median(pred, bins), lower_bound)


def reference_factor(pred: np.ndarray, reference: np.ndarray, lower_bound: float = 0.0) -> np.ndarray:
    """Return (reference - LB) / (PRED - LB) of every observation; 1 where both are 0, nan where only PRED - LB is."""
    top, bottom = reference - lower_bound, pred - lower_bound
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = top / bottom
    return np.where(bottom != 0, factor, np.where(top == 0, 1.0, np.nan))


def scaled(values: np.ndarray, factor: np.ndarray, lower_bound: float = 0.0) -> np.ndarray:
    """Return LB + (values - LB) factor."""
    return lower_bound + (values - lower_bound) * factor


def variability_corrected(observed: np.ndarray, simulated: np.ndarray, pred: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return observed [n] and simulated [K, n] values, prediction-corrected before, with the variability of their bin.

    SD: of the simulated values of an observation, divisor K - 1; an observation that does not vary stays as it is.
    """
    centre = binwise_median(pred, bins)
    sd = np.std(simulated, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(sd > 0, binwise_median(sd, bins) / sd, 1.0)
    return centre + (observed - centre) * factor, centre + (simulated - centre) * factor


def binwise_median(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return for every value the median of those in its bin."""
    found = np.full(len(values), np.nan)
    for one in np.unique(bins).tolist():
        own = bins == one
        found[own] = np.nanmedian(values[own]) if np.any(np.isfinite(values[own])) else np.nan
    return found
