"""Owns how facts are shown: each module turns reports into text for a person or a machine, and prints nothing."""
