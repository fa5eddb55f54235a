"""Orders' side of messaging: what it hears and tells, and the jobs it does."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("orders", SUBSCRIBERS)
consumers = messaging.consumers
jobs = messaging.jobs
