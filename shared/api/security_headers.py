"""Headers by which a browser protects the visitor: here for the functions, and for nginx, which is rendered from this.

Cloud Run's answers reach a browser without nginx, so the pages bring them along.
"""

# For any answer: what it is called is what it is.
SNIFFING = ("X-Content-Type-Options", "nosniff")
# For what a browser shows: not in somebody's frame, and no address of a dashboard to other sites.
PAGE_HEADERS = {"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
# Where HTTPS is the only way in. Not for subdomains, which may be other people's.
TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")
