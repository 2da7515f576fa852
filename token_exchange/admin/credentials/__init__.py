"""The admin of API keys and client apps."""
