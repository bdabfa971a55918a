"""Sign-in: who is calling and what they may do."""
