"""A project that has a tenant model of its own."""
