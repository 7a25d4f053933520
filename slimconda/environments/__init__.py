"""Reads the files that describe conda environments, with the place of each word; nothing in them is executed."""
