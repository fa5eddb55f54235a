"""Images by their digests: what a tag names may change, what a digest names is these bytes and no others."""

import json
import re
import subprocess
from pathlib import Path

from deploy.containers.env_file import write_settings
from deploy.local.settings import ROOT, parsed


def images(env_file: Path) -> dict[str, str]:
    """The images of docker-compose.yml by their variables, as settings name them or else the defaults."""
    text = (ROOT / "docker-compose.yml").read_text()
    known = parsed(env_file.read_text()) if env_file.exists() else {}
    return {
        name: known.get(name) or default
        for name, default in re.findall(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}", text)
    }


def pin(engine: str, env_file: Path) -> dict[str, str]:
    """Pull what the tags name now and write down the digests of that; answers the images by their variables.

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
