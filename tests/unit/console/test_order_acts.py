"""The forms of an order's page as they are sent, for people whom the demo does not have."""

import json
import re
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from services.console.pages.order_acts import ORDER_ACTS, PART_ACTS, SHIP_UNASSIGNED, SHIPMENT_ACTS
from services.orders.domain import order_status, return_status
from services.shipping.domain import shipment_status
from tests.unit.console.conftest import answering

ORDER_ID, RETURN_ID, LINE_ID = (str(UUID(int=number)) for number in (1, 2, 3))
