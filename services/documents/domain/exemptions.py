"""Invoice wording for sellers that charge no VAT, and for sales without VAT."""

# Why a seller that charges no VAT charges none, in the words that its country's law asks invoices for:
# Austria's UStG § 6 (1) 27 and § 11 (1), Germany's UStG § 19 and UStDV § 34a, Spain's Ley 37/1992 art. 20
# and Real Decreto 1619/2012 art. 6.1 j.
_REASONS = {
    "AT": "Umsatzsteuerfrei aufgrund der Kleinunternehmerregelung gemäß § 6 Abs. 1 Z 27 UStG.",
    "DE": "Steuerbefreit nach § 19 UStG (Kleinunternehmer).",
    "ES": "Operación exenta de IVA conforme al artículo 20 de la Ley 37/1992.",
}


def exemption_reason(country: str) -> str | None:
    """The exemption sentence for invoices in a country; None if none is known."""
    return _REASONS.get(country)
