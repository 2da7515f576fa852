"""A second service, without tables, that accepts the tokens of the first."""
