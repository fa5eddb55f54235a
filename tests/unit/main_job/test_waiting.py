"""The work that is left is that of one seller, whatever its orders are called."""

from dataclasses import replace

from deploy.main_job.catalogue import seller_of
from deploy.main_job.sales import read
from deploy.main_job.waiting import ORDERS, SELLER, spare


def test_there_is_a_sale_of_the_seller_for_each_order_that_is_left():
    for passed_over in (0, 50, 500):
        found = spare(read().sales[passed_over:])

        assert len(found) == ORDERS
        assert {seller_of(replace(sale, reference="waiting-1")) for sale in found} == {SELLER}
