"""The queries of the queues."""

from shared.web.fields import text
from shared.web.paging import PageArguments


class QueuePageArguments(PageArguments):
    """The query of a queue."""

    location = text(40, shortest=1)
