"""The version of the format, written as its number; the slug: not the name of a route, and the name of its file."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from shared.dashboards.definition.document import FORMAT_VERSION, RESERVED_SLUGS
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import replace_plain, report
from shared.dashboards.validators.parsed import ParsedDashboard


class VersionValidator:
    """A version with a decimal point, which to a JSON Schema is the whole number and to a reader is another version."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic, at `version`."""
        version = document.root.get("version")
        if isinstance(version, float) and version == FORMAT_VERSION:
            written = str(FORMAT_VERSION)
            yield report(
                document,
                DiagnosticCode.UNSUPPORTED_VERSION,
                f"version {version} of the format is not read here",
                f"Write 'version: {written}'.",
                "/version",
                received=str(version),
                allowed=[written],
                edit=replace_plain(document, "/version", written),
            )


class SlugValidator:
    """Slugs that are taken by the service itself, and files with another name than their slug."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most two diagnostics, both at `slug`."""
        slug = document.slug
        if slug is None:
            return
        if slug in RESERVED_SLUGS:
            message = f"{slug!r} is the name of a route of this service"
            remedy = f"Choose another slug, for example {slug + '-dashboard'!r}."
            yield report(document, DiagnosticCode.RESERVED_SLUG, message, remedy, "/slug", received=slug)
        path = PurePosixPath(document.source.path)
        if path.suffix in (".yaml", ".yml") and path.stem != slug:
            yield report(
                document,
                DiagnosticCode.FILE_NAME_MISMATCH,
                f"the file is called {path.name[:200]}, not {slug[:80]}.yaml",
                "Rename the file, or change the slug.",
                "/slug",
                severity=Severity.WARNING,
                received=slug[:80],
            )
