"""An expected failure as a person sees it: one line of what happened, one of what to do next."""

from __future__ import annotations

from typing import IO, Any

import click


class Failure(click.ClickException):
    """Ends the command with exit status 1 and no traceback. `evidence` lines stand between."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "", evidence: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.evidence = evidence

    def show(self, file: IO[Any] | None = None) -> None:
        where: dict[str, Any] = {"file": file} if file else {"err": True}
        click.echo(f"{click.style('xinfer:', fg='red', bold=True)} {self.message}", **where)
        for line in self.evidence:
            click.echo(f"  {line}", **where)
        if self.hint:
            click.echo(f"  {self.hint}", **where)
