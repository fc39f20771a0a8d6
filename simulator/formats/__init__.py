"""Readers of track files: one file per format. Text in, points and problems out."""
