"""Owns the proof of a fix: builds the Dockerfile before and after, and compares both images file by file."""
