"""`xinfer registrations`, `register`, `unregister`: the families of models that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from xinfer.cli.failure import Failure
from xinfer.cli.output import columns, emit, moment, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import catalog as calls

_TYPES = ("LLM", "embedding", "rerank", "image", "audio", "video")
_COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "llm": (("Language", "languages"), ("Ability", "model_ability")),
    "embedding": (("Language", "languages"), ("Dimensions", "dimensions")),
    "rerank": (("Language", "languages"),),
    "image": (("Family", "model_family"), ("Ability", "model_ability")),
    "audio": (("Family", "model_family"), ("Multilingual", "multilingual")),
    "video": (("Family", "model_family"), ("Ability", "model_ability")),
}
"""By type the columns between the name and the last: title and key."""

_type_option = click.option(
    *("-t", "--model-type"),
    type=click.Choice(_TYPES, case_sensitive=False),
    default="LLM",
    show_default=True,
    help="Type of model.",
)


@click.command()
@_type_option
@click.option("-n", "--model-name", metavar="NAME", help="Show what was registered by this name.")
@click.option(
    *("--version", "version"),
    type=click.IntRange(min=1),
    metavar="N",
    help="Print that version of NAME as it was submitted.",
)
@server_options
@output_option
def registrations(
    server: Server, output: str, model_type: str, model_name: str | None, version: int | None
) -> None:
    """List the families of models that are known.

    `xinfer engine -n NAME` says which of a family's variants can run here. With -n, all versions of
    a family of your own, also of one that is not registered any more.

    \b
    xinfer registrations
    xinfer registrations -t embedding -o json
    xinfer registrations -n my-model
    xinfer registrations -n my-model --version 1 > my-model.json
    """
    if model_name is not None:
        _show_history(server, output, (model_type, model_name), version)
        return
    if version is not None:
        raise click.UsageError("--version is of one family: name it by -n NAME.")
    with server.connect() as client:
        families = client.run(calls.list_summaries(model_type))
    between = _COLUMNS[model_type.lower()]
    headers = ("Type", "Name", *(title for title, _ in between), "Is-built-in")
    emit(output, families, lambda: columns(headers, _rows(model_type, families, between)))


@click.command()
@_type_option
@click.option(
    *("-f", "--file"),
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON or YAML of the family.",
)
@click.option("-w", "--worker-ip", hidden=True, help="Accepted: families are the cluster's.")
@click.option("-p", "--persist", is_flag=True, hidden=True, help="Accepted: they always are.")
@server_options
def register(
    server: Server, model_type: str, file: Path, worker_ip: str | None, persist: bool
) -> None:
    """Register a family of your own, for the whole cluster and for good.

    docs/catalog.md shows the form, in JSON and YAML.

    \b
    xinfer register -t LLM -f my-model.json
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}.", "Check the file.") from error
    with server.connect() as client:
        client.run(calls.register_model(model_type, text, persist=True))
    click.echo(f"{file.name} is registered.", err=True)


@click.command()
@_type_option
@click.option("-n", "--model-name", required=True, metavar="NAME", help="Name of the family.")
@server_options
def unregister(server: Server, model_type: str, model_name: str) -> None:
    """Forget a family that was registered.

    Models that run go on; families that ship with xinfer stay.

    \b
    xinfer unregister -n my-model
    """
    with server.connect() as client:
        client.run(calls.unregister_model(model_type, model_name))
    click.echo(f"'{model_name}' is not registered any more.", err=True)


def _show_history(
    server: Server, output: str, family: tuple[str, str], version: int | None
) -> None:
    with server.connect() as client:
        found = client.run(calls.list_registered_versions(*family))
    if version is None:
        rows = (
            (each["version"], moment(each["registered_s"]), _until(each["removed_s"]))
            for each in found
        )
        emit(output, found, lambda: columns(("Version", "Registered", "Until"), rows))
        return
    chosen = [each["model"] for each in found if each["version"] == version]
    if not chosen:
        raise Failure(
            f"'{family[1]}' has no version {version}.", f"There are 1 to {found[-1]['version']}."
        )
    click.echo(chosen[0])


def _until(removed_s: float | None) -> str:
    return "in force" if removed_s is None else moment(removed_s)


def _rows(
    kind: str, families: Iterable[Mapping[str, Any]], between: tuple[tuple[str, str], ...]
) -> Iterator[tuple[Any, ...]]:
    for family in families:
        values = (_text(family.get(key)) for _, key in between)
        yield (kind, family["model_name"], *values, family["is_builtin"])


def _text(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
