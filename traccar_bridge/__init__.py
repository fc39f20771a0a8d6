"""Reads positions from a Traccar server, by socket and by REST, and writes each of them to MongoDB once."""
