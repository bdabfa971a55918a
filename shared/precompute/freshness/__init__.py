"""When a result is still true: rules of age and the state of its sources."""
