"""From a name and a few wishes to one variant and the files of it: the first that fits wins."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from xinfer.catalog.family import UNQUANTIZED, Family, Place, Variant
from xinfer.domain.model import Hub, Source
from xinfer.domain.names import did_you_mean
from xinfer.errors import NotFound

_SPELLINGS = {"ggufv2": "gguf"}
_READABLE = "readable format"


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
    """Every variant in every quantization once: all that the preferred hub has, then the rest.

    Hubs that are not among `hubs` come last, Hugging Face before others.
    """
    everywhere = dict.fromkeys(hub for variant in family.variants for hub in variant.sources)
    ranked = sorted(everywhere, key=lambda hub: _rank(hub, hubs))
    seen: set[tuple[int, str]] = set()
    for hub in ranked:
        for index, variant in enumerate(family.variants):
            place = variant.sources.get(hub)
            for quantization in place.offered() if place is not None else ():
                if (index, quantization.lower()) in seen:
                    continue
                seen.add((index, quantization.lower()))
                yield Choice(
                    family=family,
                    variant=variant,
                    quantization=quantization,
                    hubs=tuple(each for each in ranked if _has(variant, each, quantization)),
                )


def choose(family: Family, wish: Wish, hubs: Sequence[str] = ("huggingface",)) -> Choice:
    """The first choice that has all that is wished; `hubs` in the order of preference.

    A preferred hub that has nothing of the kind is passed over. Raises NotFound that names the
    first wish that nothing fulfils, and what there is instead.
    """
    left = list(choices(family, hubs))
    if not left:
        raise NotFound(
            f"The catalog does not say where the files of '{family.name}' are.",
            "Give a source of your own.",
        )
    steps = (
        ("format", wish.format and plain_format(wish.format), _format),
        (_READABLE, wish.formats or None, _format),
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
    return left[0]


def source(choice: Choice, projector: str | None = None) -> Source:
    """Where the files are: the preferred hub, with the other hubs that have them as mirrors.

    GGUF files are named; of a folder the hub takes what belongs to a model, once it has the list.
    Of several projectors the named one is taken, else the first. Raises NotFound for one that the
    preferred hub does not have, or a variant without files.
    """
    first = _source(choice, choice.hubs[0], projector)
    if first.hub is Hub.PATH:
        return first
    mirrors = []
    for hub in choice.hubs[1:]:
        try:
            mirror = _source(choice, hub, projector)
        except NotFound:
            continue
        if mirror.hub is not Hub.PATH:
            mirrors.append(mirror)
    return replace(first, mirrors=tuple(mirrors))


def _source(choice: Choice, hub: str, projector: str | None) -> Source:
    place = choice.variant.sources[hub]
    own = place.spelling(choice.quantization) or choice.quantization
    files: tuple[str, ...] = ()
    if choice.variant.format == "gguf":
        files = tuple(map(glob.escape, (*_gguf_files(place, own), *_projector(place, projector))))
    if place.uri:
        ref = place.uri.replace("{quantization}", own)
        return Source(hub=Hub.PATH, ref=ref, files=files)
    if not place.repo:
        raise NotFound(
            f"Nothing says where the files of '{choice.family.name}' are.",
            "Register it with model_id or model_uri, or launch it with model_path.",
        )
    repo = place.repo.replace("{quantization}", own)
    return Source(hub=Hub(hub), ref=repo, revision=place.revision, files=files)


def _gguf_files(place: Place, quantization: str) -> tuple[str, ...]:
    parts = place.parts.get(quantization, ())
    template = place.split_file if parts else place.file
    name = template.replace("{quantization}", quantization)
    if not name and not place.uri:
        raise NotFound(f"{place.repo} names no file for the quantization {quantization}.")
    return tuple(name.replace("{part}", part) for part in parts) or ((name,) if name else ())


def _projector(place: Place, name: str | None) -> tuple[str, ...]:
    if name is None:
        return place.projectors[:1]
    if name not in place.projectors:
        raise NotFound(
            f"{place.repo} has no projector '{name}'.", did_you_mean(name, place.projectors)
        )
    return (name,)


def _has(variant: Variant, hub: str, quantization: str) -> bool:
    place = variant.sources.get(hub)
    return place is not None and place.spelling(quantization) is not None


def _rank(hub: str, hubs: Sequence[str]) -> int:
    """Lower is better."""
    if hub in hubs:
        return list(hubs).index(hub)
    return len(hubs) + (hub != Hub.HUGGINGFACE)


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
    if what == _READABLE:
        return NotFound(
            f"'{family.name}' has no variant that the engine reads: that is {asked}, and it has"
            f" {', '.join(known)}.",
            "Choose another engine; `xinfer engine -n NAME` lists those that can run it.",
        )
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
