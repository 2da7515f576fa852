"""Below the models: compiled queries, process-wide caches, what "unavailable" looks like."""
