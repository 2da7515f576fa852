"""Tools below the models: compiled queries, per-process caches, errors of a lost database."""
