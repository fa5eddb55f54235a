"""What names and states mean in this API, beside what all APIs mean by them (shared.web.glossary)."""

from services.orders.domain.bank_statements import LineState
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.payments import ChargebackStep, Discrepancy, ReportKind
from services.orders.domain.periods import Period
from services.orders.domain.shown_statuses import CsrStatus, Lifecycle, Queue, TimelineStep
from services.orders.domain.taxation import ChargesTaxed, SamePrice, Supply
from services.orders.domain.verification import Check
from shared.web.descriptions import Glossary, Meanings

_NAMES = {
    "number": "Number of the order, as people call it: GB-100001.",
    "status": "Where the order stands.",
    "customer_id": "Id of the customer of this seller.",
    "customer_name": "Name of the customer; empty once the person is erased.",
    "customer_email": "E-mail address of the customer; empty once the person is erased.",
    "draft_id": "Id of the draft. The order that it becomes has the same id.",
    "draft_ids": "Ids of the drafts.",
    "refund_id": "Id of the refund.",
    "payment_id": "Id of the payment.",
    "hold_id": "Id of the hold.",
    "view_id": "Id of the view.",
    "statement_id": "Id of the bank statement.",
    "discrepancy_id": "Id of the gateway's report.",
    "address_id": "Id of the entry in the address book.",
    "bank-lines/{line_id}": "Id of the bank statement's line.",
    "coupon": "Code of the coupon, in upper or lower case.",
    "order_ids": "Ids of the orders, each once.",
    "not_done": "How many were not done.",
    "external_reference": "The shop's or marketplace's own number of the order; null if it has none.",
    "channel": "Through which channel the customer ordered.",
    "payment_method": "How the customer pays.",
    "payment_state": "What was received and paid back, against what is owed.",
    "fulfilment": "How far the order's goods are, by shipping's latest report.",
    "lifecycle": "Order and goods in one generic status.",
    "csr_status": "The status as customer service sees it; null for a draft.",
    "timeline": "How far the order is as its customer sees it; null before it is accepted.",
    "tags": "Labels that staff put on the order.",
    "tag": "A label that staff put on the order.",
    "placed_at": "When the order was placed, in UTC.",
    # Lines and charges.
    "quantity": "In sales units.",
    "sales_coefficient": "Stock-keeping units in one sales unit: a case of 6 has 6.",
    "unit_price_minor": "Price of one sales unit, with or without tax as the market's `tax_mode` says.",
    "discount_minor": "Taken off the line as a whole.",
    "total_minor": "What it costs in all.",
    "amount_minor": "Amount.",
    "tax_rate_basis_points": "Tax rate in basis points: 2000 is 20 %.",
    "rate_basis_points": "Tax rate in basis points: 2000 is 20 %.",
    "tax_minor": "Its tax: contained in the amount in a gross market, added to it in a net one.",
    "net_minor": "Without tax.",
    "gross_minor": "Tax included.",
    "tax_class": "Code of the tax class, such as standard or reduced; the market has a rate for each.",
    "delivery_group": "Place of its delivery group in `delivery_groups`, from 0.",
    "method": "How it is paid.",
    "method_name": "Name of the delivery method in the order's language.",
    "pickup_point": "Code of the location where the customer collects it; null if it is delivered.",
    "requested_on": "Day on which the customer would like to have it; null for no wish.",
    "reference": "Reference of the bank, till or gateway.",
    # Decisions.
    "decided_by": "Who decided: the subject of their token, or the service itself; null until then.",
    "decided_at": "When it was decided, in UTC; null until then.",
}

_MEANINGS: Meanings = {
    Lifecycle: {
        "Open": "goods are still to be made ready",
        "Ready to ship": "all goods still here are ready",
        "Partially Shipped": "goods are on their way, none is delivered",
        "Partially Closed": "some goods are delivered",
        "Closed": "completed",
        "Returned": "all that was delivered came back, or all goods came back undeliverable",
        "Canceled": "cancelled",
        "Failed": "refused by the seller, or not paid in time",
        "Abandoned": "a draft that was given up",
    },
    Queue: {
        "To prepare": "a shipment of it is to be prepared, or waits for stock",
        "Ready to ship": "a shipment of it is ready and still here",
        "In transit": "a shipment of it is on its way, or could not be delivered",
        "Finalized": "a shipment of it is with the customer",
    },
    CsrStatus: {
        "In Progress": "placed or accepted, not ended",
        "OnHold": "a hold stands",
        "Completed": "completed",
        "Canceled": "cancelled, refused or failed",
    },
    TimelineStep: {
        "accepted": "the seller took the order",
        "preparing": "goods are being picked and packed",
        "sent": "goods are on their way",
        "ready_for_pickup": "goods can be collected",
        "finished": "all goods are with the customer",
    },
    Fulfilment: {
        "unfulfilled": "nothing is begun",
        "preparing": "the warehouse is at work on some of it",
        "ready": "all of it is ready",
        "partly_shipped": "some of it is on its way",
        "shipped": "all of it is on its way",
        "partly_delivered": "some of it is with the customer",
        "delivered": "all of it is with the customer",
        "returned": "all of it was undeliverable and came back",
    },
    Check: {
        "name": "the customer's name",
        "address": "every delivery address has what its country's post needs",
        "phone": "a telephone number, of the customer or with an address",
        "email": "the customer's e-mail address",
        "coupons": "no coupon given was refused",
        "vat_number": "a VAT number given is right by its form, where the market keeps a tax table",
    },
    LineState: {
        "new": "not looked at yet",
        "matched": "recorded automatically: order number and amount agreed",
        "open": "waits for a person",
        "assigned": "recorded by a person",
        "ignored": "set aside: no payment for an order",
    },
    ReportKind: {
        "payment": "money received",
        "refund": "money paid back",
        "chargeback": "money taken back by the customer's bank",
    },
    ChargebackStep: {
        "opened": "the money was taken, and the seller may object at the gateway",
        "won": "the money came back",
        "lost": "the money is gone",
    },
    Discrepancy: {
        "amount_differs": "it was counted before, with another amount",
        "order_differs": "it was counted before, for another order",
        "payment_unknown": "the payment it is of was not reported yet",
        "own_refund_open": "it may be a refund of ours that is not settled yet",
        "more_than_received": "it is more than was received and has not gone back",
        "chargeback_opened": "it is counted, and waits for how the chargeback ends",
        "currency_differs": "the order is in another currency",
    },
    Period: {
        "today": "the current day",
        "yesterday": "the day before",
        "last_7_days": "today and the six days before",
        "last_30_days": "today and the 29 days before",
        "this_week": "from Monday on",
        "last_week": "Monday to Sunday",
        "this_month": "from the first on",
        "last_month": "the whole month before",
        "this_year": "from 1 January on",
    },
    ChargesTaxed: {
        "standard": "at the rate of the class `standard`",
        "share": "at the rates of their goods, shared by value",
        "main": "at the rate that most of their goods have, by value",
    },
    SamePrice: {
        "gross": "customers pay the same wherever goods go",
        "net": "the seller keeps the same wherever goods go",
    },
    Supply: {
        "goods": "goods",
        "digital": "downloads, broadcasts and telecommunications (article 58 of Directive 2006/112/EC)",
        "service": "other services under the general rule (articles 44 and 45)",
    },
}

GLOSSARY = Glossary(names=_NAMES, meanings=_MEANINGS)
