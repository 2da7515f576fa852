"""The demonstration's parts: a service, a stage, a tour, and who tells of it."""
