"""Restoring lost stores from those that are left."""
