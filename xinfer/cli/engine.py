"""`xinfer engine` and `xinfer vllm-models`: what can run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from xinfer.cli.failure import Failure
from xinfer.cli.offer import Offer, near, offers_of, rows
from xinfer.cli.output import columns, emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import catalog as calls
from xinfer.domain.names import did_you_mean

_NOT_INSTALLED = "No module named"
_HEADERS = ("Name", "Engine", "Format", "Size (in billions)", "Quantization", "Memory", "Note")


@click.command()
@click.option("-n", "--model-name", required=True, metavar="NAME", help="Name of the family.")
@click.option(
    "-t", "--model-type", default="LLM", show_default=True, metavar="TYPE", help="Type of model."
)
@click.option("-en", "--model-engine", metavar="NAME", help="Only this engine.")
@click.option("-f", "--model-format", metavar="FORMAT", help="Only this format.")
@click.option("-s", "--model-size-in-billions", metavar="SIZE", help="Only this size.")
@click.option("-q", "--quantization", metavar="NAME", help="Only this quantization.")
@server_options
@output_option
def engine(
    server: Server, output: str, model_name: str, model_type: str, **asked: str | None
) -> None:
    """Show which engines can run a family here, and why the others cannot.

    Memory is what one replica is estimated to need with a short context.

    \b
    xinfer engine -n qwen2.5-instruct
    xinfer engine -n qwen2.5-instruct -en llama.cpp -s 0_5 -f ggufv2
    """
    with server.connect() as client:
        found = offers_of(client, model_name, model_type)
    chosen = _of_engine(found, asked["model_engine"])
    lines = [row for name, offer in chosen.items() for row in rows(name, offer, asked)]
    refusals = {name: offer for name, offer in chosen.items() if isinstance(offer, str)}
    if output != "table":
        emit(output, {"offers": lines, "refusals": refusals}, _no_table)
    elif lines:
        emit(output, lines, lambda: columns(_HEADERS, (tuple(row.values()) for row in lines)))
    for name, reason in refusals.items() if output == "table" else ():
        click.echo(f"{name}: {reason}", err=True)
    if not lines:
        hint = near(chosen, asked) or _hint(found, chosen)
        raise Failure(f"'{model_name}' does not support what was asked for.", hint)


@click.command("vllm-models")
@server_options
@output_option
def vllm_models(server: Server, output: str) -> None:
    """List the architectures of models that vLLM runs.

    \b
    xinfer vllm-models
    """
    with server.connect() as client:
        found = client.run(calls.vllm_models())
    rows = [(kind, ", ".join(names)) for kind, names in found.items()]
    emit(output, found, lambda: columns(("For", "Architectures"), rows))


def _of_engine(found: Mapping[str, Offer], name: str | None) -> dict[str, Offer]:
    """The offers of one engine, in whatever case it is spelled, or of all."""
    if name is None:
        return dict(found)
    plain = name.lower().replace("_", "-")
    chosen = {
        each: offer for each, offer in found.items() if each.lower().replace("_", "-") == plain
    }
    if not chosen:
        raise Failure(f"There is no engine '{name}' for it.", did_you_mean(name, found))
    return chosen


def _hint(found: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    able = [name for name, offer in found.items() if isinstance(offer, list)]
    hint = f"Here {', '.join(able)} can run it." if able else "No engine here can run it."
    lacking = [name for name, offer in chosen.items() if str(offer).startswith(_NOT_INSTALLED)]
    if not lacking:
        return hint
    return f"{hint} `xinfer env create {lacking[0].lower()}` on a worker installs {lacking[0]}."


def _no_table() -> Any:
    raise AssertionError("a table is drawn elsewhere")
