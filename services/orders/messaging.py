"""Orders' side of messaging: the events it receives and publishes, and its jobs."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("orders", SUBSCRIBERS)
consumers = messaging.consumers
jobs = messaging.jobs
