"""A project with its own tenant model."""
