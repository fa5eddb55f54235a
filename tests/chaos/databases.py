"""A look into the four databases from outside, also while the server is being killed."""

import time

import psycopg
from psycopg.rows import dict_row

from deploy.local.databases import SERVICES

AWAY_SECONDS = 60


class Databases:
    """Reads; each with a connection of its own."""

    def __init__(self, stack):
        self._url = stack.servers.postgres.superuser_url

    def rows(self, service, query, **parameters):
        """What a query answers, as dicts; a server that is away is waited for."""
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                with psycopg.connect(self._url(service), row_factory=dict_row, connect_timeout=5) as reader:
                    reader.read_only = True
                    return reader.execute(query, parameters).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def pairs(self, service, query, **parameters):
        """A query of two columns as a dict."""
        return dict(tuple(row.values()) for row in self.rows(service, query, **parameters))

    def value(self, service, query, **parameters):
        """A query of one value."""
        [row] = self.rows(service, query, **parameters)
        [value] = row.values()
        return value

    def everywhere(self, query, **parameters):
        """The same query of every service."""
        return {service: self.rows(service, query, **parameters) for service in SERVICES}
