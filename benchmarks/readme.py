"""Write the output of `python benchmarks/run.py > FILE` into the README: `python benchmarks/readme.py FILE`."""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->\n", "<!-- benchmarks: end -->\n"
HEAD = "`python benchmarks/run.py`; {machine}. What each figure is, and more of them: [benchmarks](benchmarks/README.md)."
# the sentence above each table of the README, by the beginning of its title in the output; "" joins it to the one before
TABLES = {
    "Start": "",
    "(c) FOCEI": "FOCEI of one- and two-compartment oral models, eight samples a subject, engine loaded and data read:",
    "(c) One evaluation": "One evaluation of the objective with its gradient, microseconds per subject on 1 thread:",
    "(d)": "Predictions and variances of 1000 subjects on one thread, against programs in C that can do nothing else:",
    "(e1)": "Differential equations: predictions of the two-compartment model, 1000 subjects, on two threads, and FOCEI of it:",
    "(e2)": "",
    "(e3)": "FOCEI of target-mediated disposition at quasi-steady state, 100 subjects:",
    "(e4)": "Full target-mediated disposition, 100 subjects, and steady states of a nonlinear model:",
    "(e5)": "",
    "(f1)": "Occasions, events and levels:",
    "(f2)": "Values below a limit of quantification, against the same data with all values:",
    "(g1)": "Other estimators, two threads, engine loaded and data read; the covariance after FOCEI (the whole call, binding included):",
    "(g2)": "",
    "(h1)": "Diagnostics of 120 subjects with 1000 replicates (whole calls), and a report:",
    "(h2)": "",
}


def tables(text: str) -> dict[str, str]:
    """Return the tables of an output by title."""
    return {title: body.strip() for title, body in re.findall(r"\*\*(.+?)\*\*\n\n((?:\|.*\n)+)", text)}


def section(text: str) -> str:
    """Return the section of the README. Raises ValueError for an output in which a table is missing."""
    found = tables(text)
    machine = re.sub(r", \w+ \w+,", ",", text.splitlines()[0])
    blocks = [HEAD.format(machine=re.sub(r"(\d+\.\d+)\.\d+$", r"\1", machine))]
    for beginning, sentence in TABLES.items():
        own = [body for title, body in found.items() if title.startswith(beginning)]
        if not own:
            raise ValueError(f"the output has no table {beginning}")
        blocks += [*filter(None, [sentence]), own[0]]
    peak = max(int(row.split("|")[2]) for title, body in found.items() if "Peak memory" in title for row in body.splitlines()[2:])
    return "\n\n".join([*blocks, f"Peak memory of `popmix fit` with 1000 subjects: {peak} MB."]) + "\n"


if __name__ == "__main__":
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(before + BEGIN + section(Path(sys.argv[1]).read_text(encoding="utf-8")) + END + after, encoding="utf-8")
