"""Phones that walk, files that replay, and a stand-in Traccar for tests and trials."""
