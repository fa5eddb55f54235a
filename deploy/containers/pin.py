"""Pins images by digest: a tag's content may change, a digest's never does."""

import json
import re
import subprocess
from pathlib import Path

from deploy.containers.env_file import write_settings
from deploy.local.settings import ROOT, parsed


def images(env_file: Path) -> dict[str, str]:
    """The images of docker-compose.yml by variable, from the settings or their defaults."""
    text = (ROOT / "docker-compose.yml").read_text()
    known = parsed(env_file.read_text()) if env_file.exists() else {}
    return {
        name: known.get(name) or default
        for name, default in re.findall(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}", text)
    }


def pin(engine: str, env_file: Path) -> dict[str, str]:
    """Pull the current images and record their digests; returns the images by variable.

    Raises subprocess.CalledProcessError for an image that can't be pulled; then nothing is written.
    """
    pinned = {}
    for name, image in images(env_file).items():
        tagged = image.partition("@")[0]
        subprocess.run([engine, "pull", "--quiet", tagged], check=True)
        about = subprocess.run(
            [engine, "image", "inspect", tagged], check=True, capture_output=True, text=True
        ).stdout
        [digest, *_] = json.loads(about)[0]["RepoDigests"]
        pinned[name] = f"{tagged}@{digest.partition('@')[2]}"
    write_settings(env_file, pinned)
    return pinned
