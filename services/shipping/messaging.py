"""Shipping's side of messaging: the events it receives, and its jobs."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("shipping", SUBSCRIBERS)
consumers = messaging.consumers
jobs = messaging.jobs
