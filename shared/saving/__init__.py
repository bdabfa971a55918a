"""Saving dashboards: versions, conflicts, rollback, drift, and what a save sets in motion."""
