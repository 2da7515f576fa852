"""How do the pictures of the documentation come about?"""
