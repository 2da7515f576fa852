"""The dashboard: exchanges, refusals, and credentials that need attention."""
