"""What `make up`, `down`, `status`, `logs` and `token` do."""
