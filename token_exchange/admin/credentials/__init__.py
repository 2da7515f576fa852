"""How does an operator keep API keys and client apps?"""
