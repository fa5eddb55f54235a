"""Images to prove docker-compose.yml with where none can be pulled: Debian's packages in the place of each.

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
    """Makes the images with podman or docker; `variables` are what docker-compose.yml names images by."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.variables = {
            f"{name.upper()}_IMAGE": f"localhost/waybill-stand-in-{name}" for name in ("python", *SERVERS)
        }

    def make_base(self) -> None:
        """Make the image that our own is built on, unless it is there."""
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
        """Make the images of the servers; the mail sink stands on our own image, which must be there."""
        for name in SERVERS:
            build = [self._engine, "build", "--file", f"{FOLDER}/stand-ins.Dockerfile", "--target", name]
            arguments = ["--build-arg", f"PYTHON_IMAGE={self.variables['PYTHON_IMAGE']}"]
            run(*build, *arguments, "--tag", self.variables[f"{name.upper()}_IMAGE"], str(FOLDER))


def run(*command: str) -> None:
    """Run a command at the terminal; what fails ends all."""
    subprocess.run(command, check=True)


def _mirror() -> str:
    sources = Path(WAYS[0]).read_text().splitlines()
    return next(line.split()[1] for line in sources if line.startswith("URIs:"))
