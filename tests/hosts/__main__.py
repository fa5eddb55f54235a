"""`python -m tests.hosts`: two hosts with everything on one machine; cut one off, kill one, roll both."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.hosts.network import why_not
from tests.hosts.rig import Plan, rigged
from tests.releases import PREVIOUS, MissingReleaseError, previous


def main() -> int:
    """Run; 1 where something broke, or where a planted fault was not found."""
    parser = argparse.ArgumentParser(prog="tests.hosts", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "faults", "roll"), default="all")
    given = parser.parse_args()
    if reason := why_not():
        print(f"There can be no hosts here: {reason}.")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is taken away
    failed = False
    if given.part != "roll":
        print("One of two hosts is cut off and comes back, then the other is killed for good")
        failed |= is_wrong(Plan(cut_seconds=30, alone_seconds=40))
    if given.part != "faults":
        print(f"Two hosts of release {PREVIOUS.version} are rolled to this one")
        with tempfile.TemporaryDirectory(prefix="waybill-release-") as folder:
            try:
                failed |= is_wrong(Plan(rolls_from=previous(Path(folder))))
            except MissingReleaseError as missing:
                print(f"They can't be: {missing}.")
                failed = True
    return failed


def is_wrong(plan: Plan) -> bool:
    """Whether anything was."""
    with rigged(plan) as rig:
        return bool(rig.run())


if __name__ == "__main__":
    sys.exit(main())
