"""Both hubs, by their real libraries, from a loopback server on which everything goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.hub.faults import LISTING, Fault, busy, gated
from tests.hub.models import (
    REPO,
    SIZE,
    WANTED,
    WEIGHTS,
    machine,
    site,
    source,
    write_repo,
)
from tests.hub.server import HubServer, serving
from tests.unit.watching import Watching
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import Transfer
from xinfer.errors import Conflict, Invalid, LaunchFailed, NotFound

BOTH = pytest.mark.parametrize("hub", [Hub.HUGGINGFACE, Hub.MODELSCOPE])
Fetch = Callable[..., Files]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    write_repo(tmp_path / "models")
    with serving(tmp_path / "models") as running:
        yield running


@pytest.fixture
def fetch(tmp_path: Path, server: HubServer) -> Fetch:
    """Fetch from the server as a machine whose caches and notes are below `tmp_path`."""

    def go(wanted: Source, watcher: Watching | None = None) -> Files:
        hubs = machine(tmp_path, site(wanted.hub, server.url, tmp_path))
        return hubs.fetch(wanted, watcher or Watching())

    return go


def content(files: Files) -> set[str]:
    paths = (path for path in files.root.rglob("*") if path.is_file())
    return {str(path.relative_to(files.root)) for path in paths}


def is_whole(files: Files, server: HubServer) -> bool:
    original = server.folder / REPO / WEIGHTS
    return (files.root / WEIGHTS).read_bytes() == original.read_bytes()


def is_client(process: psutil.Process) -> bool:
    """Whether it fetches; others that this process has started do not matter."""
    return any("xinfer.catalog.clients" in word for word in process.cmdline())


def nothing_looks_whole(folder: Path) -> bool:
    """Whether no file of any cache has the weights' name or size."""
    there = [path for kind in ("hf", "ms") for path in (folder / kind).rglob("*")]
    return not [
        path
        for path in there
        if path.is_file() and (path.name == WEIGHTS or path.stat().st_size >= SIZE)
    ]


@BOTH
def test_only_wanted_files_are_fetched_and_only_once(
    hub: Hub, server: HubServer, fetch: Fetch, tmp_path: Path
) -> None:
    hubs = machine(tmp_path, site(hub, server.url, tmp_path))
    plan = hubs.plan(source(hub))
    assert set(plan.files) == WANTED
    assert not plan.present
    assert plan.missing_bytes is not None
    assert plan.missing_bytes > SIZE
    watching = Watching()
    files = fetch(source(hub), watching)
    assert content(files) == WANTED
    assert is_whole(files, server)
    assert files.paths == ()
    assert watching.seen[-1].share == 1.0
    asked = len(server.asked)
    assert fetch(source(hub)) == files
    assert hubs.plan(source(hub)).present
    assert len(server.asked) == asked


@BOTH
def test_patterns_choose(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    files = fetch(source(hub, files=("*.json", "1_*/*")))
    assert content(files) == WANTED - {WEIGHTS}
    assert {path.name for path in files.paths} == {"config.json", "tokenizer.json"}
    with pytest.raises(NotFound, match="matches \\*\\.gguf"):
        fetch(source(hub, files=("*.gguf",)))


@BOTH
def test_a_cut_is_resumed_from_where_it_was(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(cut_after=SIZE // 2, times=1)
    watching = Watching()
    files = fetch(source(hub), watching)
    assert is_whole(files, server)
    starts = [one.start for one in server.gets(WEIGHTS)]
    assert starts[0] == 0
    assert starts[-1] > 1_000_000
    texts = " ".join(transfer.text for transfer in watching.seen)
    assert "the connection broke, next attempt in" in texts
    assert f" MiB of {SIZE / 2**20:.0f} MiB" in texts
    under_way = [file for transfer in watching.seen for file in transfer.files]
    assert {file.name for file in under_way} == {WEIGHTS}
    assert all(file.total_bytes == SIZE for file in under_way)


@BOTH
def test_a_cancelled_fetch_goes_on_later(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(pause_s=0.1)
    watching = Watching()

    def leave_in_the_middle(transfer: object) -> None:
        watching.gone = any(seen.share > 0.4 for seen in watching.seen)

    watching._on = leave_in_the_middle
    with pytest.raises(Conflict, match=f"The fetch of {REPO} was cancelled"):
        fetch(source(hub), watching)
    server.faults.clear()
    assert is_whole(fetch(source(hub)), server)
    assert server.gets(WEIGHTS)[-1].start > 0


@BOTH
def test_a_client_that_is_killed_is_sent_again(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(pause_s=0.1)
    watching = Watching()

    def kill_in_the_middle(transfer: Transfer) -> None:
        if transfer.share > 0.3 and server.faults:
            server.faults.clear()
            (client,) = [each for each in psutil.Process().children() if is_client(each)]
            client.kill()

    watching._on = kill_in_the_middle
    assert is_whole(fetch(source(hub), watching), server)
    assert server.gets(WEIGHTS)[-1].start > 0
    assert any("the client was ended by SIGKILL" in seen.text for seen in watching.seen)


@BOTH
@pytest.mark.parametrize("place", [LISTING, WEIGHTS])
def test_busy_hubs_are_waited_for(hub: Hub, place: str, server: HubServer, fetch: Fetch) -> None:
    server.faults[place] = busy(times=1, retry_after_s=2)
    watching = Watching()
    assert is_whole(fetch(source(hub), watching), server)
    texts = " ".join(transfer.text for transfer in watching.seen)
    assert "the hub answers 429, next attempt in 2 s" in texts


@BOTH
def test_a_hub_that_fails_now_and_then(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(status=503, times=2)
    watching = Watching()
    assert is_whole(fetch(source(hub), watching), server)
    assert any("the hub answers 503" in transfer.text for transfer in watching.seen)


@BOTH
def test_a_hub_that_stays_busy_is_given_up(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = busy(times=1000, retry_after_s=0)
    with pytest.raises(LaunchFailed, match="kept answering 429") as failed:
        fetch(source(hub))
    assert failed.value.phase == "downloading"
    assert WEIGHTS in failed.value.message


@BOTH
@pytest.mark.parametrize(
    ("place", "fault"),
    [(LISTING, Fault(status=401)), (WEIGHTS, gated()), (WEIGHTS, Fault(status=401))],
)
def test_refusals_name_the_token(
    hub: Hub, place: str, fault: Fault, server: HubServer, fetch: Fetch
) -> None:
    server.faults[place] = fault
    with pytest.raises(LaunchFailed, match="refuses access") as failed:
        fetch(source(hub))
    token = "HF_TOKEN" if hub is Hub.HUGGINGFACE else "MODELSCOPE_API_TOKEN"
    assert token in failed.value.hint
    assert str(fault.status) in failed.value.cause
    assert failed.value.tail


@BOTH
def test_what_is_not_there(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    with pytest.raises(NotFound, match="org/other"):
        fetch(source(hub, ref="org/other"))
    server.faults[WEIGHTS] = Fault(status=404)
    with pytest.raises(NotFound, match=f"{WEIGHTS} of {REPO}"):
        fetch(source(hub))


@BOTH
def test_a_wrong_checksum_is_fetched_once_more(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(garbled=True, times=1)
    assert is_whole(fetch(source(hub)), server)
    assert [one.start for one in server.gets(WEIGHTS)] == [0, 0]


@BOTH
def test_a_checksum_that_stays_wrong(
    hub: Hub, server: HubServer, fetch: Fetch, tmp_path: Path
) -> None:
    server.faults[WEIGHTS] = Fault(garbled=True)
    with pytest.raises(LaunchFailed, match=f"{WEIGHTS} of {REPO} arrived .* wrong checksum"):
        fetch(source(hub))
    assert nothing_looks_whole(tmp_path)


@BOTH
def test_a_reply_without_an_end_is_left_soon(
    hub: Hub, server: HubServer, fetch: Fetch, tmp_path: Path
) -> None:
    server.faults[WEIGHTS] = Fault(endless=True)
    with pytest.raises(LaunchFailed, match=f"{WEIGHTS} of {REPO} arrived .* size"):
        fetch(source(hub))
    assert server.poured < 20 * SIZE
    assert nothing_looks_whole(tmp_path)


@BOTH
def test_two_at_once_fetch_each_file_once(hub: Hub, server: HubServer, fetch: Fetch) -> None:
    server.faults[WEIGHTS] = Fault(pause_s=0.01)
    roots: list[Path] = []
    threads = [
        threading.Thread(target=lambda: roots.append(fetch(source(hub)).root)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(roots) == 2
    assert len(set(roots)) == 1
    for name in WANTED:
        assert len(server.gets(name)) == 1, name


@BOTH
def test_a_hub_that_is_gone_is_not_needed_for_what_is_here(
    hub: Hub, server: HubServer, fetch: Fetch, tmp_path: Path
) -> None:
    files = fetch(source(hub))
    server.stop()
    assert fetch(source(hub)) == files
    # Without our own notes, as after other programs fetched it, the folder speaks for itself.
    for note in (tmp_path / "listings").rglob("*.json"):
        note.unlink()
    assert fetch(source(hub)) == files
    (files.root / WEIGHTS).unlink()
    with pytest.raises(LaunchFailed, match="cannot be reached, and not all files of") as failed:
        fetch(source(hub))
    assert "ENDPOINT" in failed.value.hint


@pytest.mark.parametrize("first", [Hub.HUGGINGFACE, Hub.MODELSCOPE])
def test_a_mirror_steps_in(first: Hub, server: HubServer, tmp_path: Path) -> None:
    other = Hub.MODELSCOPE if first is Hub.HUGGINGFACE else Hub.HUGGINGFACE
    gone = site(first, "http://127.0.0.1:1", tmp_path)
    wanted = source(first, mirrors=(source(other),))
    hubs = machine(tmp_path, gone, site(other, server.url, tmp_path))
    assert is_whole(hubs.fetch(wanted, Watching()), server)
    server.stop()
    assert is_whole(hubs.fetch(wanted, Watching()), server)
    nothing = machine(tmp_path / "x", site(first, gone.endpoint, tmp_path / "x"))
    with pytest.raises(LaunchFailed, match=f"^{first} .* cannot be reached"):
        nothing.fetch(wanted, Watching())


def test_no_hub_at_all(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    hubs = machine(
        tmp_path,
        site(Hub.HUGGINGFACE, nowhere, tmp_path),
        site(Hub.MODELSCOPE, nowhere, tmp_path),
    )
    wanted = source(Hub.HUGGINGFACE, mirrors=(source(Hub.MODELSCOPE),))
    with pytest.raises(LaunchFailed, match=r"Neither huggingface .* nor modelscope") as failed:
        hubs.fetch(wanted, Watching())
    assert "HF_ENDPOINT or MODELSCOPE_ENDPOINT" in failed.value.hint


def test_a_library_that_is_not_installed(tmp_path: Path, server: HubServer) -> None:
    without = site(Hub.MODELSCOPE, server.url, tmp_path, package="no_such_library")
    with pytest.raises(LaunchFailed, match="no_such_library is not installed") as failed:
        machine(tmp_path, without).fetch(source(Hub.MODELSCOPE), Watching())
    assert "xinfer[hubs]" in failed.value.hint
    both = machine(tmp_path, without, site(Hub.HUGGINGFACE, server.url, tmp_path))
    wanted = source(Hub.MODELSCOPE, mirrors=(source(Hub.HUGGINGFACE),))
    assert is_whole(both.fetch(wanted, Watching()), server)


@BOTH
@pytest.mark.parametrize(
    ("ref", "revision"),
    [("../up", None), ("a/b/c", None), ("", None), ("-x/y", None), (REPO, "../1"), (REPO, "-x")],
)
def test_names_that_are_none(hub: Hub, ref: str, revision: str | None, fetch: Fetch) -> None:
    with pytest.raises(Invalid):
        fetch(source(hub, ref=ref, revision=revision))
