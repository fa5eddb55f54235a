"""The Celery app that makes papers: the worker's, with all that rendering needs in memory before it forks."""

from services.documents import einvoices, rendering, storage  # noqa: F401 - einvoices for the children
from services.documents.worker import app, settings

# A paper takes a tenth of a second or ten: one at a time, so that none waits behind a long one.
app.conf.worker_prefetch_multiplier = 1
# WeasyPrint takes 150 MB; a long paper adds as much, and keeps it.
app.conf.worker_max_memory_per_child = 400_000

rendering.warn_of_slow_fonts()
storage.sweep(settings.folder)
