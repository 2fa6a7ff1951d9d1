"""Special functions as LLVM code without branches: normal probabilities in the far tails, exponentials near zero, Student's quantiles.

Each takes and returns values of the function that is being emitted. Where two formulas meet both are computed and one is selected.
"""

import math
from collections.abc import Callable

import llvmlite.ir as ir

from popmix.compiler.student import student_quantile_address

DOUBLE = ir.DoubleType()
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
_ROOT_HALF, _ROOT_2PI = math.sqrt(0.5), math.sqrt(2 * math.pi)
# below this erfc(-x / sqrt 2) nears the smallest numbers, and the asymptotic series has all digits
_TAIL = -30.0
# 1 - 1/x^2 + 3/x^4 - 15/x^6 + ...: the next term is below 1e-17 at the tail
_MILLS_SERIES = (1.0, -1.0, 3.0, -15.0, 105.0, -945.0, 10395.0)
_NEAR_ZERO, _N_TERMS = 0.7, 16


class Real:
    """A value that is being emitted, with arithmetic."""

    def __init__(self, emitter: object, value: ir.Value) -> None:
        self.emitter, self.value = emitter, value

    def _lift(self, other: object) -> ir.Value:
        return other.value if isinstance(other, Real) else ir.Constant(DOUBLE, float(other))

    def _made(self, value: ir.Value) -> "Real":
        return Real(self.emitter, value)

    def __add__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fadd(self.value, self._lift(other)))

    def __sub__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fsub(self.value, self._lift(other)))

    def __rsub__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fsub(self._lift(other), self.value))

    def __mul__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fmul(self.value, self._lift(other)))

    def __truediv__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fdiv(self.value, self._lift(other)))

    def __rtruediv__(self, other: object) -> "Real":
        return self._made(self.emitter.builder.fdiv(self._lift(other), self.value))

    def __neg__(self) -> "Real":
        return self._made(self.emitter.builder.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def of(self, name: str) -> "Real":
        """Return a function of the mathematical library, or an intrinsic of LLVM, of this value."""
        return self._made(self.emitter.call(name, [self.value]))

    def below(self, bound: float, yes: "Real", no: "Real") -> "Real":
        """Return `yes` where this value is below a bound, else `no`."""
        builder = self.emitter.builder
        return self._made(builder.select(builder.fcmp_ordered("<", self.value, self._lift(bound)), yes.value, no.value))


def _exp(x: Real) -> Real:
    return x.of("llvm.exp")


def _log(x: Real) -> Real:
    return x.of("llvm.log")


def _tail_series(x: Real) -> tuple[Real, Real]:
    """Return s = sqrt(2 pi) |x| Phi(x) / exp(-x^2 / 2) in the far left tail, and 1 - s without cancellation."""
    inverse = 1.0 / (x * x)
    rest = inverse * 0.0
    for coefficient in reversed(_MILLS_SERIES[1:]):
        rest = (rest + coefficient) * inverse
    return rest + 1.0, -rest


def _cumulated(x: Real) -> Real:
    """Return Phi(x) = erfc(-x / sqrt 2) / 2."""
    return (x * -_ROOT_HALF).of("erfc") * 0.5


def _log_cumulated(x: Real) -> Real:
    series, _ = _tail_series(x)
    tail = x * x * -0.5 - _log(-x) - _LOG_ROOT_2PI + _log(series)
    left = _log(_cumulated(x))
    right = (-_cumulated(-x)).of("log1p")
    return x.below(_TAIL, tail, x.below(0.0, left, right))


def _mills(x: Real) -> Real:
    """Return phi(x) / Phi(x)."""
    series, _ = _tail_series(x)
    return x.below(_TAIL, -x / series, _exp(x * x * -0.5) / (_cumulated(x) * _ROOT_2PI))


def _mills_gap(x: Real) -> Real:
    """Return x + phi(x) / Phi(x), which goes to 0 as -1 / x."""
    series, missing = _tail_series(x)
    return x.below(_TAIL, -x * missing / series, x + _mills(x))


def _log_interval(lower: Real, upper: Real) -> Real:
    """Return log(Phi(upper) - Phi(lower)), in the tail in which they are small."""
    middle = lower + upper
    low, high = middle.below(0.0, lower, -upper), middle.below(0.0, upper, -lower)
    above = _log_cumulated(high)
    return above + _log(-(_log_cumulated(low) - above).of("expm1"))


def _phi(order: int) -> Callable[[Real], Real]:
    """Return the function phi_k(z) = sum_j z^j / (j + k)!, so phi_1 = (exp(z) - 1) / z and phi_(k+1) = (phi_k - 1 / k!) / z."""

    def emitted(z: Real) -> Real:
        near = z * 0.0
        for j in reversed(range(_N_TERMS)):
            near = near * z + 1.0 / math.factorial(j + order)
        far = z.of("expm1") / z
        for k in range(1, order):
            far = (far - 1.0 / math.factorial(k)) / z
        return z.of("llvm.fabs").below(_NEAR_ZERO, near, far)

    return emitted


def _quantile(p: Real) -> Real:
    """Return the normal quantile: a rational start (Acklam, 2003) and two steps of Halley's method."""
    tail = p.below(0.5, p, 1.0 - p)
    root = (_log(tail) * -2.0).of("llvm.sqrt")
    outer = _polynomial(root, _OUTER_ABOVE) / (_polynomial(root, _OUTER_BELOW) * root + 1.0)
    centred = p - 0.5
    square = centred * centred
    inner = centred * _polynomial(square, _INNER_ABOVE) / (_polynomial(square, _INNER_BELOW) * square + 1.0)
    x = tail.below(0.02425, p.below(0.5, outer, -outer), inner)
    for _ in range(2):
        # against the smaller tail, so that no digits are lost near 1
        excess = p.below(0.5, _cumulated(x) - p, (1.0 - p) - _cumulated(-x))
        step = excess * _ROOT_2PI * _exp(x * x * 0.5)
        x = x - step / (x * step * 0.5 + 1.0)
    return x


def _polynomial(x: Real, coefficients: tuple[float, ...]) -> Real:
    """Return a polynomial, highest power first."""
    total = x * 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


_INNER_ABOVE = (
    *(-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02),
    *(1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00),
)
_INNER_BELOW = (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01)
_OUTER_ABOVE = (
    *(-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00),
    *(-2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00),
)
_OUTER_BELOW = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00)


def _student_quantile(z: Real, df: Real) -> Real:
    """Return Student's quantile of the normal probability of z, by a function with a search inside."""
    emitter, kind = z.emitter, ir.FunctionType(DOUBLE, [DOUBLE, DOUBLE])
    function = emitter.builder.inttoptr(ir.Constant(ir.IntType(64), student_quantile_address()), kind.as_pointer())
    return Real(emitter, emitter.builder.call(function, [z.value, df.value]))


SPECIAL: dict[str, Callable[..., Real]] = {
    "log1p": lambda x: x.of("log1p"),
    "expm1": lambda x: x.of("expm1"),
    # max(x, 0) + log(1 + exp(-|x|))
    "log1p_exp": lambda x: x.below(0.0, x * 0.0, x) + _exp(-x.of("llvm.fabs")).of("log1p"),
    **{f"phi_{order}": _phi(order) for order in range(1, 6)},
    "log_normal_cdf": _log_cumulated,
    "mills": _mills,
    "mills_gap": _mills_gap,
    # of this one only the derivative is used
    "censored_root": lambda z: z,
    "censored_slope": lambda x: (_mills(x) * _mills_gap(x)).of("llvm.sqrt"),
    "log_normal_interval": _log_interval,
    "normal_cdf": _cumulated,
    "normal_quantile": _quantile,
    "student_quantile": _student_quantile,
}
