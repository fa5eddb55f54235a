"""What names and states mean in this API, beside what all APIs mean by them (shared.web.glossary)."""

from services.notifications.domain.notices import NoticeKind
from services.notifications.domain.webhooks import DeliveryState, WebhookState
from shared.web.descriptions import Glossary, Meanings

_NAMES = {
    "number": "Number of the order, as people call it.",
    "email_id": "Id of the e-mail.",
    "message_id": "Id of the message.",
    "notice_id": "Id of the notice.",
    "webhook_id": "Id of the webhook.",
    "delivery_id": "Id of the delivery; sent as `webhook-delivery-id`.",
    "type": "What happened, such as `order.placed`.",
    "state": "Where it stands.",
}

_MEANINGS: Meanings = {
    NoticeKind: {
        "new_order": "an order was placed",
        "payment_received": "what an order owes is paid",
        "cancelled": "an order was cancelled",
        "failed": "an order was not paid in time",
        "undeliverable": "a shipment could not be delivered",
        "return_to_decide": "a return was asked for",
        "customer_message": "the customer wrote",
        "email_failed": "an e-mail did not reach the customer",
        "refunded_at_gateway": "money was paid back at the gateway, and nobody here asked for it",
        "chargeback": "the customer's bank took money back",
        "money_to_decide": "the gateway reported what could not be booked automatically",
        "invoice_without_xml": "an invoice carries no e-invoice, though it should",
        "webhook_failing": "a webhook could not be told of the order",
        "webhook_off": "a webhook is sent nothing any more",
    },
    WebhookState: {
        "active": "it is sent events",
        "disabled": "its owner switched it off",
        "failed": "switched off after five days without a success",
        "gone": "switched off because it answered 410",
    },
    DeliveryState: {
        "waiting": "to be sent, for the first time or again",
        "taken": "answered with a 2xx status",
        "failed": "given up; it can be sent again by hand",
    },
}

GLOSSARY = Glossary(names=_NAMES, meanings=_MEANINGS)
