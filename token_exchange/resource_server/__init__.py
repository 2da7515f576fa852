"""Verification of bearer tokens for Django APIs, with or without our tables."""
