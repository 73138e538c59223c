"""Downloads of a worker: begun, paused, ended, and found again by the next worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.half_hub import HalfHub, until
from xinfer.domain.download import Download, DownloadState
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.errors import Conflict, LaunchFailed, NotFound
from xinfer.worker.downloads import Downloads
from xinfer.worker.fetch import Fetches


@pytest.fixture
def hub(tmp_path: Path) -> HalfHub:
    return HalfHub(tmp_path / "files")


@pytest.fixture
def make(tmp_path: Path, hub: HalfHub) -> Callable[[], Downloads]:
    """A worker's downloads; a second one is that of the next worker."""
    return lambda: Downloads(Fetches({Hub.PATH: hub}), tmp_path / "downloads.json")


def order(name: str = "one", ref: str = "/m") -> Download:
    return Download(
        id=name, spec=ModelSpec(uid="m", engine="", source=Source(hub=Hub.PATH, ref=ref))
    )


def state(downloads: Downloads, name: str = "one") -> DownloadState:
    return next(one.state for one in downloads.all() if one.id == name)


def test_a_download_is_followed_to_its_end(make: Callable[[], Downloads], hub: HalfHub) -> None:
    downloads = make()
    assert downloads.begin(order()).state is DownloadState.RUNNING
    seen = until(lambda: next((one for one in downloads.all() if one.files), None))
    assert (seen.progress, seen.done_bytes, seen.total_bytes) == (0.5, 5, 10)
    hub.go.set()
    until(lambda: state(downloads) is DownloadState.DONE)
    (done,) = downloads.all()
    assert (done.progress, done.done_bytes, done.total_bytes) == (1.0, 10, 10)
    assert done.path.endswith("files")
    for change in (downloads.pause, downloads.cancel, downloads.resume):
        with pytest.raises(Conflict):
            change("one")
    assert make().all() == (done,)
    downloads.forget("one")
    assert make().all() == ()


def test_two_downloads_share_a_flight_that_the_last_one_ends(
    make: Callable[[], Downloads], hub: HalfHub
) -> None:
    downloads = make()
    downloads.begin(order("one"))
    downloads.begin(order("two"))
    until(lambda: all(one.files for one in downloads.all()))
    assert hub.fetches == 1
    downloads.cancel("one")
    until(lambda: "download one" not in {each.name for each in threading.enumerate()})
    assert downloads.begin(order("two")).state is DownloadState.RUNNING
    assert (hub.under_way, state(downloads, "one")) == (1, DownloadState.CANCELLED)
    downloads.pause("two")
    until(lambda: hub.under_way == 0)
    assert hub.fetches == 1


def test_what_ran_goes_on_in_the_next_worker_and_what_was_paused_waits(
    make: Callable[[], Downloads], hub: HalfHub
) -> None:
    first = make()
    first.begin(order("runs", "/runs"))
    first.begin(order("waits", "/waits"))
    first.pause("waits")
    until(lambda: hub.under_way == 1)
    second = make()
    second.start()
    hub.go.set()
    until(lambda: state(second, "runs") is DownloadState.DONE)
    assert state(second, "waits") is DownloadState.PAUSED
    assert second.resume("waits").state is DownloadState.RUNNING
    until(lambda: state(second, "waits") is DownloadState.DONE)


def test_a_failure_is_told_and_can_be_tried_again(
    make: Callable[[], Downloads], hub: HalfHub
) -> None:
    hub.error = LaunchFailed("No room.", "Make some.", phase="downloading", cause="disk")
    hub.go.set()
    downloads = make()
    downloads.begin(order())
    until(lambda: state(downloads) is DownloadState.FAILED)
    (failed,) = downloads.all()
    assert (failed.error, failed.hint, failed.done_bytes) == ("No room.", "Make some.", 5)
    hub.error = None
    downloads.resume("one")
    until(lambda: state(downloads) is DownloadState.DONE)
    assert downloads.all()[0].error == ""


def test_what_cannot_be_is_refused(make: Callable[[], Downloads], hub: HalfHub) -> None:
    downloads = make()
    downloads.begin(order("one"))
    with pytest.raises(Conflict, match="other files"):
        downloads.begin(order("one", "/other"))
    with pytest.raises(Conflict, match="Pause or cancel"):
        downloads.forget("one")
    with pytest.raises(NotFound, match="Did you mean 'one'"):
        downloads.pause("on")
    downloads.cancel("one")
    with pytest.raises(Conflict, match="cancelled"):
        downloads.pause("one")


def test_an_unreadable_file_forgets_and_does_not_stop_the_worker(
    tmp_path: Path, make: Callable[[], Downloads]
) -> None:
    (tmp_path / "downloads.json").write_text("{")
    assert make().all() == ()
