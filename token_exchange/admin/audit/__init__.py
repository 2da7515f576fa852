"""How does an operator find out who did what, and when?"""
