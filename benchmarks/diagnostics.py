"""Measure predictive checks, NPDE and the report of 120 subjects: `python benchmarks/diagnostics.py [--data FOLDER]`."""

import importlib
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from measuring import median, model_of, table, with_data

import popmix
from popmix.estimate import Fit

REPLICATES = 1000
_GENEROUS = 60.0  # seconds for a browser to open a page


def measure(folder: Path) -> None:
    """Print the tables."""
    fit = popmix.fit(model_of("oral1"), popmix.read(folder / "sim_oral1_120.csv"))
    checks(fit)
    reports(fit)


def checks(fit: Fit) -> None:
    """(h1): simulation and percentiles, and NPDE, from a fit on; whole calls, the model bound again in each."""
    tasks = (
        ("VPC: simulation and percentiles", lambda: popmix.vpc(fit, REPLICATES), "1"),
        ("prediction-corrected", lambda: popmix.vpc(fit, REPLICATES, correction="prediction"), "1"),
        ("without bins: smooth quantiles", lambda: popmix.vpc(fit, REPLICATES, bins=None), ""),
        ("NPC", lambda: popmix.npc(fit, REPLICATES), ""),
        ("NPDE, NPD and EWRES", lambda: popmix.residuals(fit, REPLICATES), "3"),
    )
    rows = []
    for name, task, target in tasks:
        task()
        rows.append((name, f"{median(task, 3):.2f}", target))
    table("(h1) 1000 replicates of 120 subjects, eight samples each, two threads", ("what", "s", "target"), rows)


def reports(fit: Fit) -> None:
    """(h2): all pictures, certificate, covariance and the page, and how long Chromium takes to open it without a network."""
    started = time.perf_counter()
    covariance, certificate = popmix.covariance(fit), fit.certificate()
    checked = time.perf_counter()
    pictures = popmix.gallery(fit)
    drawn = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        written = popmix.report(fit, Path(folder) / "report.html", gallery=pictures, covariance=covariance, certificate=certificate)
        ended = time.perf_counter()
        rows = [
            ("covariance and certificate, s", f"{checked - started:.1f}", ""),
            ("pictures, s", f"{drawn - checked:.1f}", ""),
            ("page, s", f"{ended - drawn:.1f}", ""),
            ("in all, s", f"{ended - started:.1f}", "20"),
            ("size, MB", f"{written.stat().st_size / 1e6:.1f}", "10"),
            ("opened in Chromium, s", opened(written), "2"),
        ]
    table("(h2) A report of 120 subjects", ("what", "found", "target"), rows)


def opened(page: Path) -> str:
    """Return how long a browser takes to open a page the first time, the median of three browsers; "no browser" without one."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and driver):
        return "no browser"
    webdriver = importlib.import_module("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(argument)
    seconds = []
    for _ in range(3):
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            browser.set_page_load_timeout(_GENEROUS)
            started = time.perf_counter()
            browser.get(page.as_uri())
            seconds.append(time.perf_counter() - started)
        finally:
            browser.quit()
    return f"{statistics.median(seconds):.2f}"


if __name__ == "__main__":
    with_data(measure, __doc__.splitlines()[0])
