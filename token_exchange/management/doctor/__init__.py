"""The doctor: examinations of a running installation, their findings, and how to fix them."""

from token_exchange.management.doctor.findings import Finding, Level
from token_exchange.management.doctor.registry import examinations
from token_exchange.management.doctor.runner import Examination, examine_all

__all__ = ["Examination", "Finding", "Level", "examinations", "examine_all"]
