"""What is wrong with this installation, and how is it mended?"""

from token_exchange.management.doctor.findings import Finding, Level
from token_exchange.management.doctor.registry import examinations
from token_exchange.management.doctor.runner import Examination, examine_all

__all__ = ["Examination", "Finding", "Level", "examinations", "examine_all"]
