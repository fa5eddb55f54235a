"""The one-machine stack: every server and process that Waybill needs, on loopback only."""
