"""What must be true at Google before a stack starts that works there: each with one sentence, and what to type."""
