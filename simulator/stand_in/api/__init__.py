"""Traccar's REST API and websocket, one file per kind of thing."""
