"""Worlds of random effects: distributions of individual parameters, levels, mixtures, and several endpoints together."""

from statistics import NormalDist

import numpy as np
from continuous import TIMES, prediction
from world import World, dosed, expit

from popmix.model import read

_HEAD = "from popmix import *\n\nclass Varied(Model):\n"


def model(*lines: str):
    """Return a model of these statements."""
    return read(_HEAD + "".join(f"    {line}\n" for line in lines))


def compartment(*lines: str, error: str = "proportional=0.2"):
    """Return a one-compartment model whose CL and V these statements declare."""
    start = ("tvCL = Theta(1.3, lower=0)", "tvV = Theta(8.0, lower=0)")
    return model(*start, *lines, "pk = OneCompartment(cl=CL, v=V)", f"DV = Observation(pk.concentration, {error})")


def log_normal(typical: float, eta: float) -> float:
    """typical * exp(eta)"""
    return typical * np.exp(eta)


def noisy(rng, own, truth, time):
    """A concentration with a proportional error."""
    return {"DV": prediction(own, time) * (1 + truth["proportional_DV"] * rng.standard_normal())}


def individual(clearance):
    """Return effects whose clearance is drawn by `clearance(rng, truth)`."""
    return lambda rng, truth: (clearance(rng, truth), log_normal(truth["tvV"], truth["iiv_V"] * rng.standard_normal()))


V = "V = LogNormal(tvV, iiv=0.3)"
TRUTH = {"tvCL": 1.0, "tvV": 10.0, "iiv_CL": 0.3, "iiv_V": 0.2, "proportional_DV": 0.15}


def varied(title, statement, clearance, truth=None, subjects=150, methods=("focei", "laplace"), more=()):
    """Return a world whose clearance has a distribution of its own."""
    return World(
        title, compartment(*more, statement, V), TRUTH | (truth or {}), dosed(noisy, TIMES, individual(clearance)), subjects, methods
    )


def student(rng, truth):
    return log_normal(truth["tvCL"], truth["iiv_CL"] * rng.standard_t(5))


def box_cox(rng, truth):
    return log_normal(truth["tvCL"], (np.exp(0.8 * truth["iiv_CL"] * rng.standard_normal()) - 1) / 0.8)


def between(low, high, link, inverse):
    """Return a draw between two bounds, normal on the scale of a link."""

    def draw(rng, truth):
        place = link((truth["tvCL"] - low) / (high - low)) + truth["iiv_CL"] * rng.standard_normal()
        return low + (high - low) * inverse(place)

    return draw


def logit(p):
    return np.log(p / (1 - p))


def probit(p):
    return NormalDist().inv_cdf(float(p))


def cumulated(x):
    return NormalDist().cdf(float(x))


def correlated(rng, truth):
    r = truth["corr_CL_V"]
    first = rng.standard_normal()
    second = r * first + np.sqrt(1 - r**2) * rng.standard_normal()
    return log_normal(truth["tvCL"], truth["iiv_CL"] * first), log_normal(truth["tvV"], truth["iiv_V"] * second)


def noise_of_its_own(rng, truth):
    own = individual(lambda rng, truth: log_normal(truth["tvCL"], truth["iiv_CL"] * rng.standard_normal()))(rng, truth)
    return (*own, np.exp(truth["iiv_noise"] * rng.standard_normal()))


def shared(rng, truth):
    size = truth["iiv_size"] * rng.standard_normal()
    return log_normal(truth["tvCL"], size + truth["iiv_CL"] * rng.standard_normal()), log_normal(truth["tvV"], size)


def two_groups(rng, truth):
    typical = truth["tvCL"] if rng.random() < truth["share"] else truth["slow"]
    return log_normal(typical, truth["iiv_CL"] * rng.standard_normal()), log_normal(truth["tvV"], truth["iiv_V"] * rng.standard_normal())


def by_sex(rng, truth, subjects):
    rows = []
    for subject in range(1, subjects + 1):
        woman = subject % 2
        spread = truth["iiv_eta"] * np.exp(truth["wider"] * woman)
        own = log_normal(truth["tvCL"], spread * rng.standard_normal()), log_normal(truth["tvV"], truth["iiv_V"] * rng.standard_normal())
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": None, "WOMAN": woman})
        rows += [{"ID": subject, "TIME": t, "EVID": 0, "AMT": 0.0, "WOMAN": woman} | noisy(rng, own, truth, t) for t in TIMES]
    return rows


def visits(label, per_subject=3, pause=100.0):
    """Return a simulation of several doses far apart, clearance drawn anew at each (`label` names the column)."""

    def simulate(rng, truth, subjects):
        rows = []
        for subject in range(1, subjects + 1):
            own, volume = truth["iiv_CL"] * rng.standard_normal(), log_normal(truth["tvV"], truth["iiv_V"] * rng.standard_normal())
            left, start = 0.0, 0.0
            for occasion in range(1, per_subject + 1):
                clearance = log_normal(truth["tvCL"], own + truth["iov_CL"] * rng.standard_normal())
                about = {"ID": subject, label: occasion}
                rows.append(about | {"TIME": start, "EVID": 1, "AMT": 100.0, "DV": None})
                begin = left + 100.0 / volume
                for time in TIMES:
                    value = begin * np.exp(-clearance / volume * time) * (1 + truth["proportional_DV"] * rng.standard_normal())
                    rows.append(about | {"TIME": start + time, "EVID": 0, "AMT": 0.0, "DV": value})
                left, start = begin * np.exp(-clearance / volume * pause), start + pause
        return rows

    return simulate


def sites(rng, truth, subjects):
    rows, subject = [], 0
    for region in range(max(2, subjects // 20)):
        far = truth["iiv_region"] * rng.standard_normal()
        for site in range(5):
            near = truth["iiv_site"] * rng.standard_normal()
            for _ in range(4):
                subject += 1
                own = (
                    log_normal(truth["tvCL"], far + near + truth["iiv_CL"] * rng.standard_normal()),
                    log_normal(truth["tvV"], truth["iiv_V"] * rng.standard_normal()),
                )
                about = {"ID": subject, "REGION": f"R{region}", "SITE": f"R{region}S{site}"}
                rows.append(about | {"TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": None})
                rows += [about | {"TIME": t, "EVID": 0, "AMT": 0.0} | noisy(rng, own, truth, t) for t in TIMES]
    return rows


def jars(rng, truth, subjects):
    rows = []
    for experiment in range(1, subjects + 1):
        own = truth["iiv_base"] * rng.standard_normal()
        for jar in range(1, 7):
            eta = own + truth["iiv_jar"] * rng.standard_normal()
            for count in range(3):
                p = expit(truth["intercept"] + eta)
                rows.append({"ID": experiment, "TIME": float(count), "JAR": jar, "N": 20, "DV": float(rng.binomial(20, p))})
    return rows


def joint(rng, truth, subjects):
    rows = []
    for subject in range(1, subjects + 1):
        own = log_normal(truth["tvCL"], truth["iiv_CL"] * rng.standard_normal()), truth["tvV"]
        shift = truth["iiv_base"] * rng.standard_normal()
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": None, "DVID": None})
        for time in TIMES:
            f = prediction(own, time)
            rows.append(
                {
                    "ID": subject,
                    "TIME": time,
                    "EVID": 0,
                    "AMT": 0.0,
                    "DV": f * (1 + truth["proportional_cp"] * rng.standard_normal()),
                    "DVID": "cp",
                }
            )
            pain = rng.random() < expit(truth["intercept"] + shift - truth["relief"] * f)
            rows.append({"ID": subject, "TIME": time, "EVID": 0, "AMT": 0.0, "DV": float(pain), "DVID": "pain"})
    return rows


def plain(rng, truth):
    return log_normal(truth["tvCL"], truth["iiv_CL"] * rng.standard_normal())


WORLDS = (
    varied("Normal", "CL = Normal(tvCL, iiv=0.3)", lambda rng, t: t["tvCL"] + t["iiv_CL"] * rng.standard_normal(), {"iiv_CL": 0.2}),
    varied("LogNormal", "CL = LogNormal(tvCL, iiv=0.4)", plain),
    varied(
        "LogitNormal",
        "CL = LogitNormal(tvCL, lower=0.2, upper=3, iiv=0.4)",
        between(0.2, 3.0, logit, expit),
        {"iiv_CL": 0.5},
    ),
    varied(
        "ProbitNormal",
        "CL = ProbitNormal(tvCL, lower=0.2, upper=3, iiv=0.4)",
        between(0.2, 3.0, probit, cumulated),
        {"iiv_CL": 0.4},
    ),
    varied("BoxCox", "CL = BoxCox(tvCL, shape=0.8, iiv=0.4)", box_cox, {"iiv_CL": 0.4}),
    varied("StudentT", "CL = StudentT(tvCL, df=5, iiv=0.4)", student, subjects=300),
    World(
        "full Block",
        compartment("CL = LogNormal(tvCL, iiv=0.4)", V, "omega = Block(CL, V, correlation=0.2)"),
        TRUTH | {"corr_CL_V": 0.6},
        dosed(noisy, TIMES, correlated),
        150,
        ("focei", "laplace"),
    ),
    World(
        "IIV on the residual error",
        compartment(
            "CL = LogNormal(tvCL, iiv=0.4)",
            V,
            "sigma = Theta(0.2, lower=0)",
            "noise = Eta(0.5)",
            error="sd=sigma * pk.concentration * exp(noise)",
        ),
        {"tvCL": 1.0, "tvV": 10.0, "iiv_CL": 0.3, "iiv_V": 0.2, "sigma": 0.15, "iiv_noise": 0.4},
        dosed(
            lambda rng, own, truth, time: {"DV": prediction(own, time) * (1 + truth["sigma"] * own[2] * rng.standard_normal())},
            TIMES,
            noise_of_its_own,
        ),
        200,
        ("laplace", "focei"),
    ),
    World(
        "shared Eta",
        compartment("size = Eta(0.3)", "CL = LogNormal(tvCL * exp(size), iiv=0.4)", "V = LogNormal(tvV * exp(size))"),
        {"tvCL": 1.0, "tvV": 10.0, "iiv_size": 0.25, "iiv_CL": 0.2, "proportional_DV": 0.15},
        dosed(noisy, TIMES, shared),
        150,
        ("focei", "laplace"),
    ),
    World(
        "covariate on a variance",
        compartment(
            "WOMAN = Covariate()", "wider = Theta(0.0)", "eta = Eta(0.4)", "CL = LogNormal(tvCL * exp(eta * exp(wider * WOMAN)))", V
        ),
        {"tvCL": 1.0, "tvV": 10.0, "wider": 0.6, "iiv_eta": 0.25, "iiv_V": 0.2, "proportional_DV": 0.15},
        by_sex,
        300,
        ("focei", "laplace"),
    ),
    World(
        "Mixture",
        compartment(
            "slow = Theta(0.4, lower=0)",
            "share = Theta(0.5, lower=0, upper=1)",
            "group = Mixture(share, 1 - share)",
            "CL = LogNormal(where(group == 1, tvCL, slow), iiv=0.3)",
            V,
        ),
        TRUTH | {"slow": 0.3, "share": 0.65},
        dosed(noisy, TIMES, two_groups),
        200,
        ("focei", "laplace"),
    ),
    World(
        "Occasion",
        compartment("OCC = Occasion()", "CL = LogNormal(tvCL, iiv=0.4, iov=0.3)", V),
        TRUTH | {"iov_CL": 0.2},
        visits("OCC"),
        100,
        ("focei", "laplace"),
    ),
    World(
        "Occasion by doses",
        compartment("OCC = Occasion(dose=True)", "CL = LogNormal(tvCL, iiv=0.4, iov=0.3)", V),
        TRUTH | {"iov_CL": 0.2},
        visits("VISIT", 2),
        100,
        ("focei", "laplace"),
    ),
    World(
        "Levels above the subject",
        compartment(
            "SITE = Level()",
            "REGION = Level()",
            "site = Eta(0.3, level=SITE)",
            "region = Eta(0.3, level=REGION)",
            "CL = LogNormal(tvCL * exp(site + region), iiv=0.4)",
            V,
        ),
        TRUTH | {"iiv_site": 0.2, "iiv_region": 0.3},
        sites,
        300,
        ("focei", "laplace"),
    ),
    World(
        "Level within the subject",
        model(
            "N = Covariate()",
            "JAR = Level()",
            "intercept = Theta(-1.0)",
            "jar = Eta(0.6, level=JAR)",
            "base = Normal(intercept, iiv=0.6)",
            "DV = Observation(Binomial(n=N, p=expit(base + jar)))",
        ),
        {"intercept": -0.5, "iiv_base": 0.5, "iiv_jar": 0.4},
        jars,
        60,
        ("laplace",),
    ),
    World(
        "continuous and binary together",
        model(
            "tvCL = Theta(1.3, lower=0)",
            "tvV = Theta(8.0, lower=0)",
            "intercept = Theta(0.5)",
            "relief = Theta(0.2)",
            "CL = LogNormal(tvCL, iiv=0.4)",
            "base = Normal(intercept, iiv=0.7)",
            "pk = OneCompartment(cl=CL, v=tvV)",
            "cp = Observation(pk.concentration, proportional=0.2)",
            "pain = Observation(Bernoulli(expit(base - relief * pk.concentration)))",
        ),
        {"tvCL": 1.0, "tvV": 10.0, "intercept": 1.0, "relief": 0.4, "iiv_CL": 0.3, "iiv_base": 1.0, "proportional_cp": 0.15},
        joint,
        150,
        ("laplace", "agq"),
    ),
)
