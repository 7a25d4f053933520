"""Owns the way from a Dockerfile's text to facts."""
