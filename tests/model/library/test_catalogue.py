"""The catalogue: complete, and each page says what the structure is."""

import pytest

import popmix
from popmix.errors import OptionError
from popmix.model.blueprint import BLUEPRINTS, PROFILES
from popmix.model.library.catalogue import library

WORDS = {**BLUEPRINTS, **PROFILES}


def test_every_word_is_listed_once_with_its_title():
    lines = str(library()).splitlines()
    for name, entry in WORDS.items():
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert line.split(maxsplit=1)[1] == entry.title
    assert [each["name"] for each in library().document()["library"]] == [line.split()[0] for line in lines if line.startswith("  ")]
    assert {each["name"] for each in library().document()["library"]} == set(WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_a_page_has_equations_arguments_parts_and_source(name):
    page, entry = str(library(name)), WORDS[name]
    document = library(name).document()
    assert entry.doc in page
    assert "".join(entry.source.split()) in "".join(page.split())
    assert [each["name"] for each in document["arguments"]] == list(entry.signature.parameters)
    for argument in entry.signature.parameters:
        assert any(line.split()[:1] == [argument] for line in page.splitlines())
    for part in (*document.get("outputs", ()), *document.get("states", ())):
        assert f"  .{part}\n" in f"{page}\n"


def test_parametrisations_are_shown():
    page = str(library("TwoCompartments"))
    for form in ("  cl, v1, q, v2\n", "  k, k12, k21, v1\n", "  alpha, beta, k21, v1\n", "  cl, v1, q, vss\n"):
        assert form in page


def test_what_must_be_given_is_marked():
    required = {each["name"] for each in library("IndirectResponse").document()["arguments"] if each["required"]}
    assert required == {"concentration", "of"}
    assert {each["name"] for each in library("OneCompartment").document()["arguments"] if each["required"]} == {"v"}


def test_defaults_are_shown():
    assert "psi            optional, positive, 20 when left out" in str(library("SimeoniTumourGrowth"))


def test_an_unknown_name():
    with pytest.raises(OptionError, match=r"the library has no TMMD: did you mean TMDD\?"):
        library("TMMD")
    with pytest.raises(OptionError, match="`popmix library` lists what it has"):
        library("xyzzy")


def test_it_is_public():
    assert popmix.library is library
