"""How Waybill is put on machines."""
