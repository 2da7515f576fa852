"""What is wrong with this installation, and how is it mended?"""

from token_exchange.doctor.examinations import examinations
from token_exchange.doctor.examining import Examination, examine_all
from token_exchange.doctor.findings import Finding, Level

__all__ = ["Examination", "Finding", "Level", "examinations", "examine_all"]
