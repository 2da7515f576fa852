"""How does an operator see whether everything goes well?"""
