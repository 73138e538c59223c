"""`xinfer completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion script.

    It completes commands, options and the uids of running models.

    \b
    eval "$(xinfer completion bash)"       in ~/.bashrc
    eval "$(xinfer completion zsh)"        in ~/.zshrc
    xinfer completion fish > ~/.config/fish/completions/xinfer.fish
    """
    machinery = get_completion_class(shell)
    assert machinery is not None
    group = context.find_root().command
    click.echo(machinery(group, {}, "xinfer", "_XINFER_COMPLETE").source())
