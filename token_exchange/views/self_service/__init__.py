"""Pages where signed-in users manage their own API keys."""
