"""HTML pages and the redirects of signing in."""
