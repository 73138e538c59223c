"""From a name and a few wishes to one variant and the files of it: the first that fits wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from xinfer.catalog.family import UNQUANTIZED, Family, Place, Variant
from xinfer.domain.model import Hub, Source
from xinfer.domain.names import did_you_mean
from xinfer.errors import NotFound

_SPELLINGS = {"ggufv2": "gguf", "ggmlv3": "gguf"}
_FOLDER_FILES = (
    *("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt"),
    *("*.py", "*.tiktoken", "*_Pooling/*", "*_Dense/*", "*_Normalize/*"),
)
"""What a model in a folder is made of; other weights of the same model stay where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a variant; None = anything. `formats` are those an engine reads."""

    format: str | None = None
    size: str | None = None
    quantization: str | None = None
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A variant in one quantization. `hubs` have it, the preferred one first."""

    family: Family
    variant: Variant
    quantization: str
    hubs: tuple[str, ...]

    def place(self) -> Place:
        """The files on the preferred hub."""
        return self.variant.sources[self.hubs[0]]


def plain_format(name: str) -> str:
    """The catalog's spelling of a format: ggufv2 is gguf."""
    return _SPELLINGS.get(name.lower(), name.lower())


def plain_size(size: str | int | float) -> str:
    """One spelling for all: `0_5`, `0.5` and 0.5 are "0.5"; 7 and 7.0 are "7"."""
    text = str(size).strip().replace("_", ".")
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def choices(family: Family, hubs: Sequence[str]) -> Iterator[Choice]:
    """Every variant in every quantization, those of the preferred hub first in each."""
    for variant in family.variants:
        for quantization in variant.quantizations():
            having = [hub for hub, place in variant.sources.items() if place.has(quantization)]
            ranked = sorted(having, key=lambda hub: _rank(hub, hubs))
            yield Choice(
                family=family, variant=variant, quantization=quantization, hubs=tuple(ranked)
            )


def choose(family: Family, wish: Wish, hubs: Sequence[str] = ("huggingface",)) -> Choice:
    """The first choice that has all that is wished; `hubs` in the order of preference.

    A single hub that the family has nothing on is passed over. Raises NotFound that names the
    first wish that nothing fulfils, and what there is instead.
    """
    left = list(choices(family, hubs))
    steps = (
        ("format", wish.format and plain_format(wish.format), _format),
        ("format", wish.formats or None, _format),
        ("size", wish.size and plain_size(wish.size), _size),
        ("quantization", wish.quantization and wish.quantization.lower(), _quantization),
    )
    for what, wanted, value in steps:
        if not wanted:
            continue
        accepted = {wanted} if isinstance(wanted, str) else set(wanted)
        fitting = [one for one in left if value(one).lower() in accepted]
        if not fitting:
            raise _none(family, what, accepted, [value(one) for one in left], wish)
        left = fitting
    return min(left, key=lambda one: _rank(one.hubs[0], hubs)) if left else _nothing(family)


def source(choice: Choice, projector: str | None = None) -> Source:
    """Where the files are: the preferred hub, with the other hubs as mirrors.

    Of several projectors the named one is taken, else the first. Raises NotFound for an unknown
    one.
    """
    found = [_source(choice, hub, projector) for hub in choice.hubs]
    return replace(found[0], mirrors=tuple(found[1:]))


def _source(choice: Choice, hub: str, projector: str | None) -> Source:
    place = choice.variant.sources[hub]
    if place.uri:
        return Source(hub=Hub.PATH, ref=place.uri)
    files: tuple[str, ...] = _FOLDER_FILES
    repo = place.repo.replace("{quantization}", choice.quantization)
    if choice.variant.format == "gguf":
        files = (*_gguf_files(place, choice.quantization), *_projector(place, projector))
    return Source(hub=Hub(hub), ref=repo, revision=place.revision, files=files)


def _gguf_files(place: Place, quantization: str) -> tuple[str, ...]:
    own = next(each for each in place.offered() if each.lower() == quantization.lower())
    parts = place.parts.get(own)
    if not parts:
        return (place.file.replace("{quantization}", own),)
    return tuple(
        place.split_file.replace("{quantization}", own).replace("{part}", part) for part in parts
    )


def _projector(place: Place, name: str | None) -> tuple[str, ...]:
    if name is None:
        return place.projectors[:1]
    if name not in place.projectors:
        raise NotFound(
            f"{place.repo} has no projector '{name}'.", did_you_mean(name, place.projectors)
        )
    return (name,)


def _rank(hub: str, hubs: Sequence[str]) -> int:
    return hubs.index(hub) if hub in hubs else len(hubs)


def _format(one: Choice) -> str:
    return one.variant.format


def _size(one: Choice) -> str:
    return plain_size(one.variant.size) if one.variant.size is not None else ""


def _quantization(one: Choice) -> str:
    return one.quantization or UNQUANTIZED


def _none(
    family: Family, what: str, accepted: Iterable[str], there: Iterable[str], wish: Wish
) -> NotFound:
    known = [each for each in dict.fromkeys(there) if each]
    asked = " or ".join(sorted(accepted))
    rest = [
        f"{name} {value}"
        for name, value in (("format", wish.format), ("size", wish.size))
        if value and name != what
    ]
    among = f" among its variants of {', '.join(rest)}" if rest else ""
    hint = did_you_mean(next(iter(accepted)), known) if len(known) > 8 else ""
    return NotFound(
        f"'{family.name}' has no {what} {asked}{among}; it has {', '.join(known) or 'none'}.", hint
    )


def _nothing(family: Family) -> Choice:
    raise NotFound(f"'{family.name}' has no variants.", "Register it again, with model_specs.")
