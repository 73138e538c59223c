"""Kill -9 of anything at a random moment: the declared state returns, once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process import chaos
from tests.process.appliance import Appliance


@pytest.mark.timeout(900)
def test_declared_state_survives_kill_9_of_anything(tmp_path: Path) -> None:
    appliance = Appliance(tmp_path, chaos.RECIPE)
    try:
        appliance.start().wait_ready(chaos.WANTED)
        outcomes = chaos.run(appliance, trials=24, seed=20, tell=print)
        assert {outcome.victim for outcome in outcomes} == set(chaos.VICTIMS)
        assert all(outcome.killed for outcome in outcomes)
        assert appliance.interrupt() == 0
        assert appliance.processes() == []
    finally:
        appliance.destroy()
