"""What the tables refuse, whoever writes to them."""

import pytest
from pg8000.exceptions import DatabaseError

from deploy.local.alone.postgres import RunningPostgres
from shared.database.unit_of_work import Database
from tests.database.builders import add_dashboards, add_user, digest, make_version

USER = "INSERT INTO users (id, email, role, kind) VALUES (gen_random_uuid(), {email}, {role}, {kind})"
DASHBOARD = """
    INSERT INTO dashboards_index (id, slug, title, current_version)
    VALUES (gen_random_uuid(), {slug}, 't', {n})
"""
SESSION = """
    INSERT INTO sessions (id, user_id, token_sha256, expires_at, absolute_expires_at)
    SELECT gen_random_uuid(), id, {token}, now() + interval '{idle}', now() + interval '1 day' FROM users
"""
RUN = """
    INSERT INTO query_runs (id, fingerprint, status, purpose, actor, finished_at, bytes_billed, trace_id)
    VALUES (gen_random_uuid(), {fingerprint}, {status}, 'sql_run', 'ada', {finished}, {billed}, {trace})
"""
RESULT = """
    INSERT INTO query_results
        (fingerprint, as_of, checked_at, row_count, byte_count, columns, blob_path, content_sha256, fence)
    VALUES ({fingerprint}, now(), {checked}, {rows}, 1, '[]', 'p', {fingerprint}, {fence})
"""
LEDGER = """
    INSERT INTO cost_ledger (id, scope, key, day, bytes_reserved, bytes_billed)
    VALUES (gen_random_uuid(), {scope}, {key}, '2026-03-01', {reserved}, {billed})
"""
RESERVATION = """
    INSERT INTO cost_reservations (id, expires_at, settled_at, bytes_reserved, bytes_billed, actor, day)
    VALUES (gen_random_uuid(), now() + interval '{lifetime}', {settled}, {reserved}, {billed}, 'ada', now())
"""
NODE = "INSERT INTO lineage_nodes (id, type, name) VALUES ({id}, {type}, 'n')"
ACTION = """
    INSERT INTO actions (id, actor, action, outcome, bytes_billed)
    VALUES (gen_random_uuid(), 'a', 'b', {outcome}, {n})
"""

GOOD = {
    USER: {"email": "'bob@example.com'", "role": "'viewer'", "kind": "'user'"},
    DASHBOARD: {"slug": "'nyc-flights'", "n": 1},
    SESSION: {"token": "sha256('a')", "idle": "1 hour"},
    RUN: {
        "fingerprint": f"'{digest('q')}'",
        "status": "'succeeded'",
        "finished": "now()",
        "billed": 0,
        "trace": f"'{'a' * 32}'",
    },
    RESULT: {"fingerprint": f"'{digest('q')}'", "checked": "now()", "rows": 0, "fence": 0},
    LEDGER: {"scope": "'user'", "key": "'ada'", "reserved": 0, "billed": 0},
    RESERVATION: {"lifetime": "1 minute", "settled": "NULL", "reserved": 0, "billed": "NULL"},
    NODE: {"id": "'bq:a.b.c'", "type": "'table'"},
    ACTION: {"outcome": "'refused'", "n": 0},
}

BAD = [
    (USER, {"email": "'ADA@example.com'"}, "uq_users_email_lower"),
    (USER, {"email": "''"}, "ck_users_email_not_empty"),
    (USER, {"role": "'owner'"}, "ck_users_role"),
    (USER, {"kind": "'robot'"}, "ck_users_kind"),
    (DASHBOARD, {"slug": "'Upper'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"slug": "'a'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"slug": "'1abc'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"slug": "'a/b'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"slug": f"'{'a' * 64}'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"slug": "E'abc\\n'"}, "ck_dashboards_index_slug_pattern"),
    (DASHBOARD, {"n": 0}, "ck_dashboards_index_current_version_positive"),
    (SESSION, {"token": "'short'"}, "ck_sessions_token_sha256_length"),
    (SESSION, {"idle": "2 days"}, "ck_sessions_expires_within_absolute"),
    (RUN, {"fingerprint": "'abc'"}, "ck_query_runs_fingerprint_hex"),
    (RUN, {"fingerprint": f"'{'A' * 64}'"}, "ck_query_runs_fingerprint_hex"),
    (RUN, {"status": "'done'"}, "ck_query_runs_status"),
    (RUN, {"finished": "NULL"}, "ck_query_runs_finished_when_not_running"),
    (RUN, {"status": "'running'"}, "ck_query_runs_finished_when_not_running"),
    (RUN, {"billed": -1}, "ck_query_runs_bytes_estimated_not_negative"),
    (RUN, {"trace": "'xyz'"}, "ck_query_runs_trace_id_hex"),
    (RESULT, {"checked": "now() - interval '1 day'"}, "ck_query_results_checked_after_as_of"),
    (RESULT, {"rows": -1}, "ck_query_results_row_count_not_negative"),
    (RESULT, {"fence": -1}, "ck_query_results_row_count_not_negative"),
    (LEDGER, {"scope": "'team'"}, "ck_cost_ledger_scope"),
    (LEDGER, {"key": "''"}, "ck_cost_ledger_key_not_empty"),
    (LEDGER, {"reserved": -1}, "ck_cost_ledger_bytes_reserved_not_negative"),
    (LEDGER, {"billed": -1}, "ck_cost_ledger_bytes_reserved_not_negative"),
    (RESERVATION, {"lifetime": "-1 minute"}, "ck_cost_reservations_expires_after_created"),
    (RESERVATION, {"billed": 1}, "ck_cost_reservations_billed_when_settled"),
    (RESERVATION, {"reserved": -1}, "ck_cost_reservations_bytes_reserved_not_negative"),
    (NODE, {"id": "''"}, "ck_lineage_nodes_id_not_empty"),
    (NODE, {"type": "'view'"}, "ck_lineage_nodes_type"),
    (ACTION, {"outcome": "'maybe'"}, "ck_actions_outcome"),
    (ACTION, {"n": -1}, "ck_actions_bytes_billed_not_negative"),
]


@pytest.mark.parametrize("statement", GOOD, ids=lambda text: text.split("INTO ")[1].split()[0])
def test_good_rows_are_accepted(postgres_server: RunningPostgres, database: Database, statement: str) -> None:
    add_user(database)
    postgres_server.run(statement.format(**GOOD[statement]))


@pytest.mark.parametrize(
    ("statement", "change", "constraint"), BAD, ids=[f"{bad[2]}-{'-'.join(bad[1])}" for bad in BAD]
)
def test_bad_rows_are_refused(
    postgres_server: RunningPostgres,
    database: Database,
    statement: str,
    change: dict[str, str],
    constraint: str,
) -> None:
    add_user(database)
    with pytest.raises(DatabaseError) as caught:
        postgres_server.run(statement.format(**{**GOOD[statement], **change}))
    assert caught.value.args[0]["n"] == constraint


def test_one_version_number_per_dashboard(postgres_server: RunningPostgres, database: Database) -> None:
    add_version(database)
    with pytest.raises(DatabaseError) as caught:
        postgres_server.run(
            "INSERT INTO dashboard_versions"
            " (id, dashboard_id, version, yaml_text, content_sha256, blob_path, author)"
            " SELECT gen_random_uuid(), dashboard_id, version, '', content_sha256, '', ''"
            " FROM dashboard_versions"
        )
    assert caught.value.args[0]["n"] == "uq_dashboard_versions_dashboard_id_version"


@pytest.mark.parametrize(
    "change",
    [
        "yaml_text = 'x'",
        'files = \'{"a": "b"}\'',
        "content_sha256 = repeat('0', 64)",
        "version = 9",
        "author = 'x'",
    ],
)
def test_the_content_of_a_version_never_changes(
    postgres_server: RunningPostgres, database: Database, change: str
) -> None:
    add_version(database)
    with pytest.raises(DatabaseError, match="immutable"):
        postgres_server.run(f"UPDATE dashboard_versions SET {change}")


def test_what_was_learnt_about_a_version_may_be_added(
    postgres_server: RunningPostgres, database: Database
) -> None:
    add_version(database)
    postgres_server.run(
        "UPDATE dashboard_versions SET blob_revision = 'abc', plan_totals = '{}', definition = '{}'"
    )
    assert postgres_server.run("SELECT blob_revision FROM dashboard_versions") == [["abc"]]


def test_a_version_is_deleted_with_its_dashboard_only(
    postgres_server: RunningPostgres, database: Database
) -> None:
    add_version(database)
    with pytest.raises(DatabaseError, match="deleted with their dashboard only"):
        postgres_server.run("DELETE FROM dashboard_versions")
    postgres_server.run("DELETE FROM dashboards_index")
    assert postgres_server.run("SELECT count(*) FROM dashboard_versions") == [[0]]


@pytest.mark.parametrize("change", ["UPDATE actions SET outcome = 'success'", "DELETE FROM actions"])
def test_actions_are_append_only(postgres_server: RunningPostgres, database: Database, change: str) -> None:
    postgres_server.run(ACTION.format(**GOOD[ACTION]))
    with pytest.raises(DatabaseError, match="append-only"):
        postgres_server.run(change)


def add_version(database: Database) -> None:
    dashboard = add_dashboards(database, "nyc-flights")[0]
    with database.begin() as work:
        work.versions.create_many([make_version(dashboard.id)])
