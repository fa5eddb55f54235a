"""Deployment of Waybill."""
