"""The example's own business: reports, which belong to organizations."""
