"""Replacement images for testing docker-compose.yml where none can be pulled, from Debian packages.

Debian itself comes by debootstrap (as root) from wherever this machine gets its packages.
"""

import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"
# How this machine gets packages, which a build on it has to know too.
WAYS = ("/etc/apt/sources.list.d/debian.sources", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
SERVERS = ("postgres", "valkey", "nginx", "prometheus", "mailpit")


class StandIns:
    """Builds the images with podman or docker; `variables` are the image variables of docker-compose.yml."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.variables = {
            f"{name.upper()}_IMAGE": f"localhost/waybill-stand-in-{name}" for name in ("python", *SERVERS)
        }

    def make_base(self) -> None:
        """Build the base image of our own image, unless it exists."""
        image = self.variables["PYTHON_IMAGE"]
        known = subprocess.run([self._engine, "image", "inspect", image], check=False, capture_output=True)
        if known.returncode == 0:
            return
        with tempfile.TemporaryDirectory(prefix="waybill-debian-") as folder:
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder, _mirror())
            for way in filter(Path.exists, map(Path, WAYS)):
                copy = Path(folder + str(way))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(way.read_bytes())
            archive = f"{folder}.tar"
            run("tar", "--directory", folder, "--create", "--file", archive, ".")
            run(self._engine, "import", archive, image)
            Path(archive).unlink()

    def make_servers(self) -> None:
        """Build the server images; the mail sink is based on our own image, which must exist."""
        for name in SERVERS:
            build = [self._engine, "build", "--file", f"{FOLDER}/stand-ins.Dockerfile", "--target", name]
            arguments = ["--build-arg", f"PYTHON_IMAGE={self.variables['PYTHON_IMAGE']}"]
            run(*build, *arguments, "--tag", self.variables[f"{name.upper()}_IMAGE"], str(FOLDER))


def run(*command: str) -> None:
    """Run a command with output to the terminal; raises if it fails."""
    subprocess.run(command, check=True)


def _mirror() -> str:
    sources = Path(WAYS[0]).read_text().splitlines()
    return next(line.split()[1] for line in sources if line.startswith("URIs:"))
