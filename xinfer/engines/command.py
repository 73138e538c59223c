"""Any program that serves the OpenAI API on a port, so that nobody waits for us to support it."""

from __future__ import annotations

import shlex
import shutil

from xinfer.domain.engine import Command, Launch, Traits, Verdict
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.options import Option
from xinfer.errors import Invalid

_OPTIONS = (
    Option(
        name="command",
        type="str",
        doc="The program and its arguments; {port}, {host}, {uid} and {model_path} are filled in.",
    ),
    Option(
        name="ready", type="str", doc="Path that answers 200 once it serves.", default="/health"
    ),
    Option(name="served_model", type="str", doc="What it calls the model, if not by its uid."),
    Option(name="slots", type="int", doc="Requests that it runs at once.", minimum=1),
    Option(
        name="stop_grace_s",
        type="float",
        doc="Seconds between asking it to end and killing it.",
        default=10.0,
        minimum=0,
    ),
)
_NAMES = ("port", "host", "uid", "model_path")


class CommandEngine:
    """Adapter for a command line given by the user."""

    name = "command"
    traits = Traits(
        kinds=(ModelKind.LLM, ModelKind.EMBEDDING, ModelKind.RERANK), needs_source=False
    )
    options = _OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Whether the program is there to be run."""
        words = _words(spec)
        if shutil.which(words[0], path=spec.env.get("PATH")) is None:
            return Verdict(
                ok=False,
                reason=f"The program '{words[0]}' of model '{spec.uid}' was not found.",
                hint="Give its full path, or install it on the worker's machine.",
            )
        return Verdict(ok=True)

    def command(self, launch: Launch) -> Command:
        """The user's command line with the port filled in."""
        options = launch.spec.options
        return Command(
            argv=(*(_fill(word, launch) for word in _words(launch.spec)), *launch.spec.extra_args),
            ready_path=str(options.get("ready") or "/health"),
            served_model=options.get("served_model"),
            slots=options.get("slots"),
            stop_grace_s=options.get("stop_grace_s", 10.0),
        )


def _words(spec: ModelSpec) -> list[str]:
    """The command line in words. Raises Invalid when it is missing, unbalanced or has no {port}."""
    line = str(spec.options.get("command") or "")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Invalid(
            f"models.{spec.uid}: the command {line!r} cannot be read: {error}.", "Check its quotes."
        ) from error
    if not words:
        raise Invalid(
            f"models.{spec.uid}: engine 'command' needs a command line.",
            'For example command: "my-server --port {port}".',
        )
    if "{port}" not in line:
        raise Invalid(
            f"models.{spec.uid}: the command {line!r} does not say where the port goes.",
            "Put {port} where the program takes its port.",
        )
    return words


def _fill(word: str, launch: Launch) -> str:
    """Only our own names are replaced: braces of JSON or shell in the command stay as they are."""
    path = launch.files.paths[0] if launch.files and launch.files.paths else ""
    values = (launch.port, launch.host, launch.spec.uid, path)
    for name, value in zip(_NAMES, values, strict=True):
        word = word.replace(f"{{{name}}}", str(value))
    return word
