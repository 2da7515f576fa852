"""The example's own app: reports that belong to organizations."""
