"""What names and states mean in this API, beside what all APIs mean by them (shared.web.glossary)."""

from services.documents.domain.papers import PrintKind
from shared.web.descriptions import Glossary, Meanings

_NAMES = {
    "number": "Number of the document, gapless within its series; null for kinds without one, or before its"
    " turn.",
    "order_number": "Number of the order, as people call it.",
    "kind": "What the document is for.",
    "status": "Where the document stands.",
    "issued_on": "Date on the document, in the market's time zone; null before it has its number.",
    "total_minor": "Total of the document in minor units of `currency`; 0 for one without prices.",
    "stored_at": "When its file was stored, in UTC; null until then.",
    "unprintable": "Characters that no typeface has, each once; U+FFFD (�) is printed in their place.",
    "filename": "Name of an uploaded file; empty for what Waybill made.",
    "cause": "What called for it.",
    "print_id": "Id of the print.",
    "email_id": "Id of the e-mail in the notifications service.",
    "period": "The year, such as 2026, or the month, such as 2026-03, in which the series counts.",
    "refers_to": "Of a credit note, id of its invoice; of a corrected invoice, of the one that it replaces;"
    " else null.",
    "failure": "Why it could not be made; empty if it was, or is still to be.",
}

_MEANINGS: Meanings = {
    PrintKind: {
        "documents": "stored documents, one after the other",
        "pick_list": "what to fetch for several shipments, by shelf",
        "courier_sheet": "where a courier goes, and whom to call",
    },
}

GLOSSARY = Glossary(names=_NAMES, meanings=_MEANINGS)
