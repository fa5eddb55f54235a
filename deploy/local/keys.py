"""What must stay secret: passwords, keys and tokens, in files that only their owner can read."""

import os
from pathlib import Path


def write_secret(file: Path, text: str) -> None:
    """Replace a file by one that nobody else can read; a crash leaves the old or the new, never a part."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(file)
