"""Management commands, the doctor and the system checks."""
