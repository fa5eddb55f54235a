"""Shipping's side of messaging: the events it receives, and its jobs."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

# An order reserves, and a parcel takes, units of each of its SKUs.
messaging = Messaging("shipping", SUBSCRIBERS, told_together={"stock.changed"})
consumers = messaging.consumers
jobs = messaging.jobs
