"""What documents needs to know beside what every service does."""

from dataclasses import dataclass
from pathlib import Path

from shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of documents' processes."""

    documents_folder: str  # where the bytes of stored papers are kept; shared by api and rendering workers

    @property
    def folder(self) -> Path:
        """The same, as a path."""
        return Path(self.documents_folder)
