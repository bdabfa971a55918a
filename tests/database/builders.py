"""Rows for tests, valid unless a test says otherwise."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.models.lineage import EdgeConfidence, EdgeOrigin, LineageEdge, LineageNode, NodeType
from shared.database.models.runs import Payload, QueryResult, QueryRun, RunPurpose
from shared.database.models.users import Role, User, UserSession
from shared.database.repositories.users import SeenUser
from shared.database.unit_of_work import Database

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def delete_dashboard(database: Database, slug: str, at: datetime = NOW) -> None:
    """Mark a dashboard deleted; nothing of ours does so yet."""
    with database.engine.begin() as connection:
        statement = text("UPDATE dashboards_index SET deleted_at = :at, updated_at = :at WHERE slug = :slug")
        assert connection.execute(statement, {"at": at, "slug": slug}).rowcount == 1


def disable_user(database: Database, user_id: UUID, at: datetime | None) -> None:
    """What an administrator does by hand (docs/operations.md); None lets the user in again."""
    with database.engine.begin() as connection:
        statement = text("UPDATE users SET disabled_at = :at WHERE id = :id")
        assert connection.execute(statement, {"at": at, "id": user_id}).rowcount == 1


def digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()


def make_dashboard(slug: str, **changes: Any) -> Dashboard:
    values = {
        "slug": slug,
        "title": slug.title(),
        "owner": "data@example.com",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Dashboard(**{**values, **changes})


def make_version(dashboard_id: UUID, version: int = 1, **changes: Any) -> DashboardVersion:
    values = {
        "dashboard_id": dashboard_id,
        "version": version,
        "yaml_text": f"version: 1\n# {version}\n",
        "content_sha256": digest(str(version)),
        "blob_path": f"dashboards/{version}.yaml",
        "author": "ada@example.com",
    }
    return DashboardVersion(**{**values, **changes})


def make_session(user: User, token: str, **changes: Any) -> UserSession:
    values = {
        "user_id": user.id,
        "token_sha256": sha256(token.encode()).digest(),
        "created_at": NOW,
        "last_used_at": NOW,
        "expires_at": NOW + timedelta(hours=12),
        "absolute_expires_at": NOW + timedelta(days=7),
    }
    return UserSession(**{**values, **changes})


def make_run(**changes: Any) -> QueryRun:
    values = {
        "fingerprint": digest("q"),
        "purpose": RunPurpose.PRECOMPUTE,
        "actor": "scheduler",
        "started_at": NOW,
    }
    return QueryRun(**{**values, **changes})


def make_result(fingerprint: str, **changes: Any) -> QueryResult:
    values = {
        "fingerprint": fingerprint,
        "as_of": NOW,
        "checked_at": NOW,
        "row_count": 3,
        "byte_count": 120,
        "columns": [{"name": "day", "type": "DATE"}],
        "blob_path": f"results/{fingerprint}",
        "content_sha256": digest(fingerprint),
    }
    return QueryResult(**{**values, **changes})


def make_payload(dashboard_id: UUID, variant: str = "default", **changes: Any) -> Payload:
    values = {
        "dashboard_id": dashboard_id,
        "version": 1,
        "variant_hash": digest(variant),
        "parameters": {"origin": variant},
        "etag": f'"{variant}"',
        "blob_path": f"payloads/{variant}",
        "as_of": NOW,
        "checked_at": NOW,
        "byte_count": 10,
    }
    return Payload(**{**values, **changes})


def make_node(node_id: str, node_type: NodeType = NodeType.TABLE, **changes: Any) -> LineageNode:
    return LineageNode(**{"id": node_id, "type": node_type, "name": node_id, **changes})


def make_edge(source: str, target: str, **changes: Any) -> LineageEdge:
    values = {
        "source": source,
        "target": target,
        "type": "feeds",
        "origin": EdgeOrigin.PARSER,
        "confidence": EdgeConfidence.EXACT,
    }
    return LineageEdge(**{**values, **changes})


def add_user(database: Database, email: str = "ada@example.com", role: Role = Role.EDITOR) -> User:
    with database.begin() as work:
        return work.users.upsert_many([SeenUser(email, role, NOW)])[0]


def add_dashboards(database: Database, *slugs: str, **changes: Any) -> list[Dashboard]:
    with database.begin() as work:
        return work.dashboards.create_many([make_dashboard(slug, id=uuid4(), **changes) for slug in slugs])
