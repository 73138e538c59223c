"""The long run of the kill test, with a summary by victim."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.process import chaos
from tests.process.appliance import Appliance


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"{given.trials} trials, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="xinfer-chaos-") as folder:
        appliance = Appliance(Path(folder), chaos.RECIPE)
        try:
            appliance.start().wait_ready(chaos.WANTED)
            outcomes = chaos.run(appliance, given.trials, given.seed, tell=print)
            appliance.interrupt()
            left = appliance.processes()
        finally:
            appliance.destroy()
    for victim in chaos.VICTIMS:
        times = [outcome.healed_s for outcome in outcomes if outcome.victim == victim]
        if times:
            print(
                f"{victim:<16} {len(times):4d} trials, healed in"
                f" {statistics.median(times):.1f} s (median), {max(times):.1f} s (worst)"
            )
    print(f"{len(outcomes)} of {given.trials} trials healed; {len(left)} processes left at the end")
    return 0 if len(outcomes) == given.trials and not left else 1


if __name__ == "__main__":
    sys.exit(main())
