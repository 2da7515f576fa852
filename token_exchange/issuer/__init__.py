"""The authorization server: every operation that needs the tables."""
