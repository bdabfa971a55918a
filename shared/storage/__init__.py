"""Blob stores: a Git working tree, a folder, or Google Cloud Storage, behind one protocol."""
