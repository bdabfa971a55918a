"""Validators of dashboard files, each one concern; they compose in any order."""
