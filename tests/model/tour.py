"""A model with every word of the language, for the tests of printing and of the round trip."""

from popmix import *


class Tour(Model):
    r"""Every word.

    Second paragraph with "quotes" and a \ backslash.
    """

    OCC = Occasion()
    site = Level("SITE")
    WT = Covariate(unit="kg", interpolation="linear")
    SEX = Covariate(categories=("F", "M"), label='the "sex"')
    STAGE = Covariate(categories=(1, 2, 3))
    ref = 70
    a = Theta(1.0, lower=0, prior=priors.LogNormal(0, 1))
    b = Theta(0.5, lower=0, upper=1, fixed=True)
    c = Theta(-1e-7, prior=priors.Normal(0, 2.5))
    prop = Theta(0.1, lower=0)
    share = Theta(0.3, lower=0, upper=1)
    group = Mixture(share, 1 - share)
    P1 = Normal(a, iiv=Fixed(0.2), iov=0.1)
    P2 = LogNormal(a * (WT / ref) ** 0.75, iiv=0.3, iov=0.1)
    P3 = LogitNormal(b, iiv=0.3)
    P4 = LogitNormal(b * 10, lower=0, upper=10, iiv=0.3)
    P5 = ProbitNormal(b, iiv=Estimate(0.1, prior=priors.HalfStudentT(3, 2.5)))
    P6 = BoxCox(a, shape=c, iiv=0.1)
    P7 = StudentT(a, df=4, iiv=0.1)
    P8 = LogNormal(2)
    eta_ruv = Eta(sd=0.2)
    eta_site = Eta(0.1, level=site)
    om = Block(P1, P2, eta_ruv, correlation=((1, 0.1, 0), (0.1, 1, 0.2), (0, 0.2, 1)))
    om2 = Block(P3, P4, correlation=Fixed(0.2))
    om3 = Block(P1, P2, level=OCC, prior=priors.LKJ(2))
    om4 = Block(P5, P6, P7, correlation=0.1, band=1)
    pk = ThreeCompartments(cl=P1, v1=P2, q2=P3, v2=P4, q3=1, v3=a, ka=P5, lag=0.5, f=b)
    extra = Dose(pk.central, lag=P6, rate=P7)
    s1 = State(init=P8)
    s2 = State()
    inf = Dose(s2, duration=a, f=0.9)
    pk2 = TwoCompartments(alpha=2, beta=1, k21=1.5, v1=P2, profile=weibull_profile(scale=a, shape=1.5))
    pd = IndirectResponse(concentration=pk2.concentration + s1, of="loss", baseline=P2, kout=1, imax=0.5, ic50=2)
    slow = Dose(pk2.peripheral, profile=transit_profile(mtt=P2, n=a))
    adult = (WT > 18) & ~(SEX == "F") | (STAGE != 2)
    old = where(adult, 1, 2) + where(SEX == "M", a, -a) ** (-2) + abs(-(a - b)) - (a - (b - c)) / (a / b) / 2
    mix = where(group == 1, 1, old) * exp(eta_site) * 10**c
    special = lgamma(TAD + 1) + gamma(T) + expit(c) + logit(b) + erf(c) + sqrt(a) + log(a) + sin(T) + cos(T) + tanh(T)
    s1.dt = -s1 * mix + special
    s2.dt = 0
    C = pk.concentration
    W = sqrt(prop**2 * C**2 + 1)
    y1 = Observation(C, additive=0.1, proportional=Fixed(0.2), lloq=0.1, uloq="ULOQ", dvid=1)
    y2 = Observation(C, power=(0.1, Fixed(0.5)), dvid="power it")
    y3 = Observation(s1 + s2 + pd.response, sd=W * exp(eta_ruv), box_cox=0.5)
    y4 = Observation(pk.peripheral + pk.depot, log_additive=0.1)
    y5 = Observation(Bernoulli(b))
    y6 = Observation(Binomial(10, p=b))
    y7 = Observation(Poisson(a))
    y8 = Observation(NegativeBinomial(mean=a, dispersion=b))
    y9 = Observation(ZeroInflatedPoisson(a, b))
    y10 = Observation(Ordinal(c, cutpoints=(a,)))
    y11 = Observation(Categorical(b, 1 - b))
    y12 = Observation(TimeToEvent(a * T))
    y13 = Observation(LogLikelihood(-((Y - a) ** 2)))
    y14 = Observation(C, additive=0.1, proportional=0.2, combined="sd", student=a + 2, censoring="M4")
    y15 = Observation(C, additive=0.1, autocorrelation=Fixed(0.5), censoring="M1")
    y16 = Observation(ZeroInflatedNegativeBinomial(a, dispersion=b, zero=0.1))
    y17 = Observation(Markov(initial=(b, 1 - b), transitions=((0.5, 0.5), (b, 1 - b))))
    y18 = Observation(TimeToEvent(a, interval=True))
