"""A second service, which has no tables: it believes the tokens of the first."""
