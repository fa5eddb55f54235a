"""The notifications service's messaging: its event handlers and its jobs."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("notifications", SUBSCRIBERS, keeps_events=True)  # for the feed
consumers = messaging.consumers
jobs = messaging.jobs
