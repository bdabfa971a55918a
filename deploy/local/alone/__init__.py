"""Single servers without the stack around them: what a test or a bench starts for itself."""
