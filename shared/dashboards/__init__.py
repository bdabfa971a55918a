"""The dashboard language: reading, checking and identifying dashboard files."""
