"""What a person meets first: a light import, public names that exist, and examples that run."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import popmix
from popmix import errors
from popmix.model import Model, load
from popmix.model.expression import Reference

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
HEAVY = {"numba", "llvmlite", "scipy", "symengine", "pandas", "polars", "matplotlib", "pyarrow"}


def loaded_after(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("statement", ["import popmix", "from popmix import *", "from popmix.cli import main", "import popmix.app"])
def test_imports_are_light(statement):
    assert not loaded_after(statement) & HEAVY


def test_the_package_and_the_command_line_do_not_even_load_numpy():
    assert "numpy" not in loaded_after("import popmix")
    assert "numpy" not in loaded_after("from popmix.cli import main")


def test_help_loads_nothing_that_computes():
    """What `popmix --help` takes is what it loads (benchmarks measure the time)."""
    own = loaded_after("from popmix.cli import main\nsys.argv = ['popmix', '--help']\ntry:\n    main()\nexcept SystemExit:\n    pass")
    assert "typer" in own and not own & {*HEAVY, "numpy", "plotly", "jinja2"}


def test_every_exception_that_a_user_may_catch_is_public():
    own = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.PopmixError)}
    assert {"OptionError", "Interrupted", "FitError"} <= own
    assert all(getattr(popmix, name) is getattr(errors, name) for name in own)


@pytest.mark.parametrize("name", sorted({*popmix._HOME, *popmix.__all__}))
def test_public_names_are_documented(name):
    value = getattr(popmix, name)
    assert isinstance(value, (Reference, ModuleType)) or (value.__doc__ or "").strip()


def test_public_names_need_nothing_to_be_imported_first():
    loaded_after("import popmix\nfor name in popmix._HOME: getattr(popmix, name)")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such"):
        _ = popmix.no_such_name


def test_the_package_is_typed():
    assert (Path(popmix.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_define_a_model(example):
    assert isinstance(load(example), Model)
    assert "from popmix import *" in example.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_fit_their_data(example):
    fit = popmix.fit(load(example), popmix.datasets.path(example.stem))
    assert fit.convergence.converged


def test_the_demonstration_is_the_example():
    bundled = Path(popmix.__file__).parent / "app" / "theophylline.py"
    assert bundled.read_text() == (ROOT / "examples" / "theophylline.py").read_text()


def test_the_version_is_one():
    assert ast.parse((ROOT / "src" / "popmix" / "__init__.py").read_text())
    assert popmix.__version__.count(".") == 2
