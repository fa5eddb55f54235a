"""The one-machine stack: all of Waybill's servers and processes, on loopback only."""
