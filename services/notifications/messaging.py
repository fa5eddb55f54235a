"""Notifications' side of messaging: what it hears and the jobs it does."""

from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging

messaging = Messaging("notifications", SUBSCRIBERS, keeps_events=True)  # for the feed
consumers = messaging.consumers
jobs = messaging.jobs
