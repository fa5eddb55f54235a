"""`python -m tests.chaos`: break a running system for ten minutes, then prove that the rig is not blind."""

import argparse
import random
import sys

from tests.chaos.controls import CONTROLS, is_noticed
from tests.chaos.rig import FIRST_RATE, Plan, rigged


def main() -> int:
    """Run; 1 where an invariant broke, or where a control did not break one."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "run", "controls"), default="all")
    parser.add_argument("--seconds", type=float, default=600, help="how long to break things")
    parser.add_argument("--seed", type=int, help="of an earlier run, to break the same things")
    parser.add_argument("--rate", type=float, default=FIRST_RATE, help="commands a second to try first")
    given = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    failed = False
    if given.part != "controls":
        with rigged(Plan(seconds=given.seconds, seed=seed, first_rate=given.rate)) as rig:
            failed = bool(rig.run())
    if given.part != "run":
        blind = [control.name for control in CONTROLS.values() if not is_noticed(control, seed)]
        print(
            f"{len(CONTROLS) - len(blind)} of {len(CONTROLS)} controls noticed; blind to: {blind or 'none'}"
        )
        failed = failed or bool(blind)
    return failed


if __name__ == "__main__":
    sys.exit(main())
