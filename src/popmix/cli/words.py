"""The arguments and options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

from popmix.cli.methods import COVARIANCES, METHODS

ModelFile = Annotated[
    str, typer.Argument(metavar="MODEL.py[:Name]", help="The file of the model, and its name when the file holds several.")
]
DataFile = Annotated[str, typer.Argument(metavar="DATA.csv", help="The data: CSV or Parquet with NONMEM-style columns.")]
MethodName = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help=f"The method: {', '.join(METHODS)} (default: focei; laplace for discrete outcomes)."),
]
Options = Annotated[list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the method; may be repeated.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=NAME", help="A column of another name, as time=TAFD or WT=BW; may be repeated."),
]
SolverOptions = Annotated[
    list[str] | None,
    typer.Option("--solver", metavar="NAME=VALUE", help="How equations are solved: method=stiff, tolerance=1e-9; may be repeated."),
]
OutFolder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write a run folder of this name.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Let the run folder replace an earlier run folder.")]
Npde = Annotated[
    int, typer.Option("--npde", metavar="N", help="Replicates behind the NPDE in the run folder's predictions; 0 leaves them out.")
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of whatever is random, kept with the result.")]
Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", help="Number of threads; all cores when left out.")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="auto|VALUES.json", help="Start values found in the data, or given by name in a file.")
]
Starts = Annotated[int, typer.Option("--starts", metavar="N", help="Estimate from N start values, and keep the best.")]
Covariance = Annotated[
    str, typer.Option("--covariance", metavar="KIND", help=f"Standard errors by the covariance of the estimates: {', '.join(COVARIANCES)}.")
]
Certificate = Annotated[bool, typer.Option("--certificate", help="Add the evidence on how far the fit can be trusted.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else there.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where an error happened, for a report.")]
