"""Orders' side of messaging: what it hears and tells."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("orders", SUBSCRIBERS)
consumers = messaging.consumers
