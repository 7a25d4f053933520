"""Measures a conda installation: which bytes belong to what, and what each deletion would really free. Reads only."""
