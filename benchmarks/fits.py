"""Time FOCEI fits of the simulated oral data on one and two threads: `python benchmarks/fits.py FOLDER_OF_DATA`.

The folder holds sim_oral1_120.csv, sim_oral1_1000.csv, sim_oral2_120.csv and sim_oral2_1000.csv. The engine is warmed up first;
each figure is the median of three fits in this process, without reading the data.
"""

import statistics
import sys
from pathlib import Path

import popmix

MODELS = Path(__file__).parent / "models"


def seconds(name: str, folder: Path, size: int, threads: int) -> float:
    """Return the median time of the estimation alone."""
    model, data = popmix.load(MODELS / f"{name}.py"), folder / f"sim_{name}_{size}.csv"
    return statistics.median(popmix.fit(model, data, threads=threads).timing["fit"] for _ in range(3))


def main() -> None:
    """Print a Markdown table."""
    folder = Path(sys.argv[1])
    popmix.fit(popmix.load(MODELS / "oral1.py"), folder / "sim_oral1_120.csv")
    print("| model | subjects | 1 thread, s | 2 threads, s | ratio |\n|---|---|---|---|---|")
    for name in ("oral1", "oral2"):
        for size in (120, 1000):
            one, two = (seconds(name, folder, size, threads) for threads in (1, 2))
            print(f"| {name} | {size} | {one:.3f} | {two:.3f} | {one / two:.2f} |")


if __name__ == "__main__":
    main()
