"""What names and states mean in this API, beside what all APIs mean by them (shared.web.glossary)."""

from services.shipping.domain.inspection import Condition, ReturnStatus
from services.shipping.domain.locations import LocationKind
from services.shipping.domain.queues import Queue
from services.shipping.domain.readiness import Readiness
from services.shipping.domain.shipment_status import FailureReason
from services.shipping.domain.stock_movements import MovementKind
from services.shipping.domain.timeline import TimelineStep
from shared.web.descriptions import Glossary, Meanings

_NAMES = {
    "number": "Number of the shipment, as people call it: the order's, with -1, -2 and so on.",
    "order_number": "Number of the order, as people call it.",
    "status": "Where the shipment stands.",
    "location": "Code of the location.",
    "quantity": "In sales units.",
    "units": "In stock-keeping units.",
    "parcel_id": "Id of the parcel.",
    "pick_list_id": "Id of the pick list.",
    "shipment_ids": "Ids of the shipments, each once.",
    "order_ids": "Ids of the orders, each once.",
    "not_done": "How many were not done.",
    "method": "Code of the delivery method, one of the market's.",
    "kind": "How the method is handled.",
    "pickup_point": "Code of the location where the customer collects it; null if it is not collected.",
    "courier": "Code of the seller's courier who delivers it; null for none.",
    "readiness": "Whether it can be packed; null once it has left or was cancelled.",
    "tracking_status": "Where the carrier says that it is; null until the carrier has said anything.",
    "tracked_at": "When the latest of these reports was true, in UTC; null until there is one.",
    "place": "Where that was, in the carrier's words; empty if it does not say.",
    "failed_attempts": "How often it could not be delivered.",
    "failure": "Why it could not be delivered the last time: a `reason` of `fail`; empty for never.",
    "download_url": "Where the customer downloads it; empty for none.",
    "queue": "The work queue that it is in.",
    # In paths.
    "locations/{code}": "Code of the location.",
    "carriers/{code}": "Code of the carrier.",
    "carriers/{carrier}": "Code of the carrier.",
    "{seller}/{code}": "Code of the courier, among those of the seller.",
    "queues/{name}": "`to_prepare`: their label is not printed yet; `ready_to_ship`: ready, and still here;"
    " `in_transit`: on their way, or could not be delivered; `finalised`: with the customer; `overdue`: past"
    " the time of their next step, in any of the first three.",
    "appointments/{kind}": "What it is for. `delivery`: goods are brought; `installation`: goods are"
    " installed; `service`: a service is done.",
}

_MEANINGS: Meanings = {
    Queue: {
        "to_prepare": "its label is not printed yet",
        "ready_to_ship": "ready, and still here",
        "in_transit": "on its way, or could not be delivered",
        "finalised": "with the customer",
    },
    Readiness: {
        "green": "every unit is off its shelf",
        "amber": "every unit is there, not all are picked",
        "red": "units are missing",
    },
    TimelineStep: {
        "accepted": "the seller took the order",
        "preparing": "it is being picked and packed",
        "sent": "on its way (of what is delivered)",
        "ready_for_pickup": "can be collected (of what is collected)",
        "ready": "ready (of what is neither delivered nor collected)",
        "finished": "with the customer",
    },
    LocationKind: {
        "warehouse": "goods are kept and sent from there",
        "distribution_centre": "goods are passed on from there",
        "store": "customers come there too",
    },
    MovementKind: {
        "received": "goods arrived",
        "reserved": "promised to a shipment",
        "released": "no longer promised",
        "picked": "taken off the shelf for its shipment, or put back",
        "shipped": "left with its shipment",
        "returned": "came back from a customer or carrier",
        "scrapped": "not to be sold any more",
        "adjusted": "counted, and it was more or less",
    },
    ReturnStatus: {
        "expected": "approved, nothing has come",
        "received": "came and was inspected",
        "closed": "nothing will come any more",
    },
    Condition: {
        "sellable": "as new: goes back to stock",
        "used": "does not go back to stock",
        "damaged": "does not go back to stock",
    },
    FailureReason: {
        "nobody_there": "nobody opened",
        "refused": "whoever it was for did not take it",
        "wrong_address": "the address was wrong",
        "damaged": "it was damaged on its way",
        "lost": "it was lost on its way",
        "carrier": "the carrier gave up, and said so itself",
    },
}

GLOSSARY = Glossary(names=_NAMES, meanings=_MEANINGS)
