"""`python3 -m deploy.local.setup LOCK`: prepare for running (LOCK is runtime) or development (dev)."""

import sys

# Before the next import, which older Pythons would not understand well enough to say what is wrong.
if sys.version_info < (3, 11):  # noqa: UP036 # an older Python is exactly who reads this
    given = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        f"Waybill needs Python 3.11 or newer and this is {given}: "
        "name a newer one, as in `make up PYTHON=python3.11`."
    )

from deploy.local.environment import SetupError, prepare

if __name__ == "__main__":
    try:
        prepare(sys.argv[1])
    except SetupError as problem:
        sys.exit(str(problem))
