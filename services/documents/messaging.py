"""The documents service's messaging: its event handlers and its jobs."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("documents", SUBSCRIBERS)
consumers = messaging.consumers
jobs = messaging.jobs
