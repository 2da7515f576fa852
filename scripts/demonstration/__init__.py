"""Parts of the demonstration: the service, its participants, the steps and their narration."""
