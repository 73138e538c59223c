"""What every engine asks of a launch before it makes a command of it."""

from __future__ import annotations

from xinfer.domain.engine import Files, Launch, Verdict
from xinfer.errors import Invalid


def files_for(launch: Launch, verdict: Verdict) -> Files:
    """The files of the model. Raises Invalid on a bad verdict, or when there are none."""
    spec = launch.spec
    if not verdict.ok:
        raise Invalid(f"models.{spec.uid}: {verdict.reason}", verdict.hint)
    if launch.files is None:
        raise Invalid(f"models.{spec.uid}: engine '{spec.engine}' needs the files of a model.")
    return launch.files
