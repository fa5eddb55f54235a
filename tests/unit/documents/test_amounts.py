"""Papers and their XML write every currency with all of its minor units."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from services.documents import einvoices
from services.documents.wording import Wording
from shared.money import currencies, minor_digits


@pytest.mark.requirement("M-03")
@pytest.mark.parametrize("currency", sorted(currencies()))
def test_paper_and_xml_have_all_minor_units(currency):
    wording = Wording(locale=Locale("en"), currency=currency, time_zone=ZoneInfo("UTC"))
    amount = Decimal(1234567).scaleb(-minor_digits(currency))

    assert wording.figure(1234567) == f"{amount:,}"
    assert wording.money(1234567).endswith(f"{amount:,}")
    write = einvoices._Amounts(currency)
    if minor_digits(currency) <= 2:
        assert write(1234567) == f"{amount}"
    else:  # the standard takes two decimals: what has a third carries no XML
        assert write(1234560) == "1234.56"
        with pytest.raises(einvoices.TooFine):
            write(1234567)
