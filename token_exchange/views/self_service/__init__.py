"""How do users manage their own API keys in a browser, where the project mounts the pages?"""
