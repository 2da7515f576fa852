"""Subjects of the measurements: small Django projects, each run in a process of its own."""
