"""Bringing clients and visits in from files, and taking everything out."""
