"""The admin of the audit trail."""
