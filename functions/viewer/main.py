"""The pages, their scripts, the API's description and the file format: what needs no sign-in to be read."""

import flask

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.pages.documents import build_document, explain_refusal


@endpoint("viewer", span="viewer.serve", explain=explain_refusal)
def viewer(call: Call) -> flask.Response:
    """Serve one of the static documents."""
    return build_document(call)
