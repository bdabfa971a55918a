"""Connections to PostgreSQL: engine, connecting, failures told apart."""
