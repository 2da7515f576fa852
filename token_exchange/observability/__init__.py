"""Audit trail, exchange counts, notifications: what operators see of the service."""
