"""The choice of a variant: the first that fits, for every wish that the catalog can fulfil."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import Family, Kind
from xinfer.catalog.match import Wish, choices, choose, source
from xinfer.errors import NotFound

BUILTIN = Builtin()
HUBS = ("huggingface", "modelscope")
SERVED = (Kind.LLM, Kind.EMBEDDING, Kind.RERANK)

FAMILIES = {(kind, one.name): one for kind in SERVED for one in BUILTIN.families(kind)}

keys = st.sampled_from(list(FAMILIES))
orders = st.sampled_from([HUBS, HUBS[::-1]])
Spec = tuple[str, str, str | None, str]


def specs(family: Family, hubs: tuple[str, ...]) -> Iterator[Spec]:
    """(hub, format, size, quantization), all of one hub before those of the next."""
    for hub in hubs:
        for variant in family.variants:
            place = variant.sources.get(hub)
            for quantization in place.offered() if place else ():
                yield hub, variant.format, variant.size, quantization


@settings(deadline=None)
@given(keys, orders, st.data())
def test_the_first_spec_that_fits_is_chosen(
    key: tuple[Kind, str], hubs: tuple[str, ...], data: st.DataObject
) -> None:
    family = FAMILIES[key]
    known = list(specs(family, hubs))
    _, format_, size, quantization = data.draw(st.sampled_from(known))
    asked = Wish(
        format=data.draw(st.sampled_from([None, format_, format_.upper()])),
        size=data.draw(st.sampled_from([None, size, size.replace(".", "_") if size else None])),
        quantization=data.draw(st.sampled_from([None, quantization, quantization.swapcase()])),
    )
    expected = next(
        spec
        for spec in known
        if asked.format in (None, spec[1], spec[1].upper())
        and (asked.size is None or asked.size.replace("_", ".") == spec[2])
        and (asked.quantization is None or asked.quantization.lower() == spec[3].lower())
    )
    found = choose(family, asked, hubs)
    assert (found.hubs[0], found.variant.format, found.variant.size, found.quantization) == expected


@settings(deadline=None)
@given(keys, st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_any_other_wish_is_refused_in_words(
    key: tuple[Kind, str], format_: str, size: str, quantization: str
) -> None:
    family = FAMILIES[key]
    wish = Wish(format=format_ or None, size=size or None, quantization=quantization or None)
    said = family.name
    try:
        choose(family, wish)
    except NotFound as refusal:
        said = refusal.message
    assert family.name in said


def test_every_choice_of_the_catalog_has_files_with_exact_names() -> None:
    for choice in (one for family in FAMILIES.values() for one in choices(family, HUBS)):
        found = source(choice)
        for place in (found, *found.mirrors):
            assert place.ref.count("/") == 1
            assert bool(place.files) == (choice.variant.format == "gguf")
            assert not any("{" in name or not name for name in (place.ref, *place.files))
            assert not any(set(name) & set("*?[]") for name in place.files)
