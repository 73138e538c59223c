"""The options of the engines as tables, made from their typed descriptions.

`python -m xinfer.engines.reference docs/engines.md` writes them there; a test keeps that current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from xinfer.domain.options import Option
from xinfer.domain.ports import Engine
from xinfer.engines.registry import Registry

_BEGIN = "<!-- options of {name}: made by python -m xinfer.engines.reference -->"
_END = "<!-- end of options -->"


def option_table(engine: Engine) -> str:
    """One row per option."""
    return "\n".join(
        [
            "| option | type | default | what it does |",
            "|---|---|---|---|",
            *map(_row, engine.options),
        ]
    )


def with_tables(page: str, engines: Iterable[Engine]) -> str:
    """`page` with the table of each engine between its two marks. ValueError if a mark is gone."""
    for engine in engines:
        begin = _BEGIN.format(name=engine.name)
        start = page.index(begin) + len(begin)
        end = page.index(_END, start)
        page = f"{page[:start]}\n{option_table(engine)}\n{page[end:]}"
    return page


def _row(option: Option) -> str:
    default = "" if option.default is None else f"`{str(option.default).lower()}`"
    kind = _codes(option.choices) if option.choices else option.type
    also = f" Also: {_codes(option.aliases)}." if option.aliases else ""
    doc = f"{option.doc}{also}".replace("|", "\\|")
    return f"| `{option.name}` | {kind} | {default} | {doc} |"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def main() -> None:
    """Rewrite the tables in the page named by the first argument."""
    path, registry = Path(sys.argv[1]), Registry()
    engines = [registry.get(name) for name in registry.names()]
    path.write_text(with_tables(path.read_text(encoding="utf-8"), engines), encoding="utf-8")


if __name__ == "__main__":
    main()
