"""The picture of a launch: phases, the whole of a download, and each file of it."""

from __future__ import annotations

from rich.console import Console

from xinfer.cli.launch_view import Picture
from xinfer.cli.launch_watch import Snapshot


def test_a_download_shows_every_file_that_is_under_way() -> None:
    files = [(f"model-{number}.safetensors", 5_000_000, 10_000_000) for number in range(5)]
    snapshot = Snapshot(
        state="loading",
        replicas=[
            {
                "replica_id": "m-rep0",
                "phases": [{"phase": "downloading", "started_s": 0.0, "seconds": None}],
            }
        ],
        downloads={"m-rep0": (0.5, "25 MiB of 50 MiB")},
        files={"m-rep0": [("config.json", 10, 10), ("tokenizer.json", 7, None), *files]},
    )
    screen = Console(width=120, record=True, file=None, force_terminal=False)
    with screen.capture() as captured:
        screen.print(Picture("m").draw(snapshot))
    shown = captured.get()
    assert "25 MiB of 50 MiB" in shown
    assert "model-0.safetensors  4.8 MiB of 9.5 MiB" in shown
    assert "config.json" not in shown, "what is here is not under way"
    assert "and 2 more files" in shown
