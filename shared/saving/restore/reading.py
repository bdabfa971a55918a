"""The versions that the commits of the dashboard store hold.

A commit says which versions it saved (`publishing.VersionNote`). Those of releases that did not say so are counted:
each of our commits that changed a dashboard is its next version. What people committed themselves is no version before
it is saved.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from shared.dashboards.definition.limits import SAVED_LIMITS
from shared.dashboards.keys import DASHBOARDS_FOLDER, blob_folder, dashboard_path
from shared.dashboards.validation import parse_dashboard
from shared.dashboards.validators.parsed import (
    DashboardSource,
    ParsedDashboard,
    hash_content,
    list_content_blobs,
    list_named_files,
    read_text,
)
from shared.saving.publishing import VersionNote
from shared.storage.blob import is_valid_path
from shared.storage.git_history import Commit, CommitLog, GitHistory
from shared.storage.git_worktree import hash_blob

_AT_ONCE = 500
_SLUG_FOLDER = re.compile(rf"{DASHBOARDS_FOLDER}/([a-z][a-z0-9-]{{1,62}})/.+")


@dataclass(frozen=True)
class FoundVersion:
    """One version as its commit holds it; `parsed` has no definition where this release does not read it."""

    slug: str
    version: int
    commit: str
    author: str
    message: str
    saved_at: datetime
    parsed: ParsedDashboard

    @cached_property
    def yaml_text(self) -> str:
        """The YAML as it was saved."""
        return read_text(self.parsed.source)

    @cached_property
    def files(self) -> dict[str, str]:
        """The SQL files that its queries name."""
        return list_named_files(self.parsed)

    @cached_property
    def content_sha256(self) -> str:
        """What tells its content from that of another version."""
        return hash_content(self.parsed)

    @property
    def blob_revision(self) -> str:
        """The store's revision of its YAML."""
        return hash_blob(self.yaml_text.encode())

    def list_paths(self) -> set[str]:
        """Where its files lie."""
        return set(list_content_blobs(self.slug, self.yaml_text, self.files))


@dataclass(frozen=True)
class FoundHistory:
    """Versions by slug, in their order; when a dashboard's file left HEAD; and a sentence for all that is amiss.

    `paths` are the files in `head`.
    """

    versions: Mapping[str, Sequence[FoundVersion]]
    removed_at: Mapping[str, datetime]
    problems: tuple[str, ...]
    head: str | None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Claim:
    """A commit that saved a dashboard; `version` is None where it does not say which one."""

    slug: str
    version: int | None
    commit: Commit
    message: str
    saved_at: datetime


def read_history(history: GitHistory) -> FoundHistory:
    """Every version there is. Damage costs what is damaged, and a sentence."""
    log = history.read_log()
    claims = _list_claims(history, log)
    if log.faults:
        # Behind the damage nothing says what came first but the time.
        claims.sort(key=lambda one: one.saved_at)
    problems = list(log.faults)
    versions: dict[str, list[FoundVersion]] = defaultdict(list)
    for start in range(0, len(claims), _AT_ONCE):
        for claim, found in _read_sources(history, claims[start : start + _AT_ONCE]):
            if isinstance(found, str):
                problems.append(found)
            else:
                _add(versions[claim.slug], claim, found, problems)
    known = {slug: found for slug, found in versions.items() if found}
    paths = history.list_files()
    if paths is None:
        problems.append(
            "HEAD cannot be read: nothing says which dashboards were deleted; none is taken to be."
        )
        return FoundHistory(known, {}, tuple(problems), log.head)
    problems += _find_strangers(known, paths)
    removed_at = _find_removed(history, known, paths)
    return FoundHistory(known, removed_at, tuple(problems), log.head, tuple(paths))


def _list_claims(history: GitHistory, log: CommitLog) -> list[_Claim]:
    notes = {one.oid: VersionNote.read(one.message) for one in log.commits}
    unnoted = [one.oid for one in log.commits if one.is_ours and one.reachable and not notes[one.oid]]
    changed = history.list_changed(unnoted)
    claims: list[_Claim] = []
    for commit in log.commits:
        if note := notes[commit.oid]:
            claims += [
                _Claim(slug, version, commit, note.message, note.saved_at) for slug, version in note.versions
            ]
        else:
            claims += [_claim_unnoted(slug, commit) for slug in _list_slugs(changed.get(commit.oid, ()))]
    return claims


def _claim_unnoted(slug: str, commit: Commit) -> _Claim:
    message = commit.message.removesuffix("\n")
    numbered = re.search(rf"(?:Save |, ){slug} version ([1-9][0-9]*)(?:,|$)", message)
    if message.startswith("Save ") and numbered:
        return _Claim(slug, int(numbered[1]), commit, "", commit.authored_at)
    return _Claim(slug, None, commit, message, commit.authored_at)


def _list_slugs(paths: Iterable[str]) -> list[str]:
    return sorted({found[1] for path in paths if (found := _SLUG_FOLDER.fullmatch(path))})


def _read_sources(
    history: GitHistory, claims: Sequence[_Claim]
) -> Iterator[tuple[_Claim, ParsedDashboard | str]]:
    """Each claim with its files, or a sentence that says why they are not to be had."""
    yamls = history.read_files([(one.commit.oid, dashboard_path(one.slug)) for one in claims])
    sources = [
        _read_source(claim, data) if data is not None else None
        for claim, data in zip(claims, yamls, strict=True)
    ]
    named = [_list_sql_paths(one) if isinstance(one, ParsedDashboard) else {} for one in sources]
    wanted = [
        (claim.commit.oid, path)
        for claim, paths in zip(claims, named, strict=True)
        for path in paths.values()
    ]
    texts = dict(zip(wanted, history.read_files(wanted), strict=True))
    for claim, source, paths in zip(claims, sources, named, strict=True):
        if not isinstance(source, ParsedDashboard):
            yield claim, source or _complain(claim, "its file is missing or damaged")
            continue
        found = {name: texts[claim.commit.oid, path] for name, path in paths.items()}
        if lost := [name for name, data in found.items() if data is None]:
            yield claim, _complain(claim, f"{', '.join(lost)} is missing or damaged")
        else:
            yield claim, _attach(source, {name: data for name, data in found.items() if data is not None})


def _read_source(claim: _Claim, data: bytes) -> ParsedDashboard | str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _complain(claim, "its file is not UTF-8")
    return parse_dashboard(DashboardSource(dashboard_path(claim.slug), text), SAVED_LIMITS)


def _list_sql_paths(parsed: ParsedDashboard) -> dict[str, str]:
    """The SQL files that the queries name: where each lies, by the name written there."""
    folder = blob_folder(parsed.source.path.split("/")[1])
    names = {name for _, _, query in parsed.queries() if isinstance(name := query.get("file"), str)}
    return {name: path for name in sorted(names) if is_valid_path(path := f"{folder}/{name}")}


def _attach(parsed: ParsedDashboard, files: Mapping[str, bytes]) -> ParsedDashboard:
    if not files:
        return parsed
    texts = {name: data.decode(errors="replace") for name, data in files.items()}
    return parse_dashboard(replace(parsed.source, files=texts), SAVED_LIMITS)


def _add(known: list[FoundVersion], claim: _Claim, parsed: ParsedDashboard, problems: list[str]) -> None:
    """Append a version unless its content is known under this number already, or is that of the last one."""
    last = known[-1] if known else None
    number = claim.version or (last.version + 1 if last else 1)
    found = FoundVersion(
        claim.slug, number, claim.commit.oid, claim.commit.author, claim.message, claim.saved_at, parsed
    )
    is_said_before = claim.version is None or (last is not None and number <= last.version)
    if last and is_said_before and found.content_sha256 == last.content_sha256:
        return
    if last and number <= last.version:
        if any(one.version == number and one.content_sha256 == found.content_sha256 for one in known):
            return
        problems.append(
            f"{_complain(claim, f'there is another version {number} before it')}; it becomes {last.version + 1}."
        )
        found = replace(found, version=last.version + 1)
    if parsed.definition is None:
        problems.append(
            f"{_complain(claim, 'this release does not read its YAML')}; its text is kept, and a save mends it."
        )
    known.append(found)


def _complain(claim: _Claim, what: str) -> str:
    version = f" version {claim.version}" if claim.version else ""
    return f"{claim.slug}{version} in commit {claim.commit.oid[:12]}: {what}"


def _find_strangers(versions: Mapping[str, Sequence[FoundVersion]], paths: Sequence[str]) -> list[str]:
    known = {path for found in versions.values() for path in found[-1].list_paths()}
    return [
        f"{path} belongs to no saved dashboard and is left alone."
        for path in paths
        if path.startswith(f"{DASHBOARDS_FOLDER}/") and path not in known
    ]


def _find_removed(
    history: GitHistory, versions: Mapping[str, Sequence[FoundVersion]], paths: Sequence[str]
) -> dict[str, datetime]:
    gone = [slug for slug in versions if dashboard_path(slug) not in set(paths)]
    return {
        slug: history.find_last_change(dashboard_path(slug)) or versions[slug][-1].saved_at for slug in gone
    }
