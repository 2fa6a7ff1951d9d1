"""How uncertain the estimates of a fit are: functions of a Fit that return values of their own."""

from popmix.uncertainty.covariance import Covariance, covariance
from popmix.uncertainty.derived import derived
from popmix.uncertainty.profiles import Profile, profile
from popmix.uncertainty.sir import SIR, sir

__all__ = ["SIR", "Covariance", "Profile", "covariance", "derived", "profile", "sir"]
