"""The schema: made, unmade and made again by Alembic, and the same as the models say."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, text

from deploy.local.alone.postgres import RunningPostgres, alembic_config
from deploy.local.parts import REPOSITORY
from shared.database.models.registry import METADATA

MODEL_TABLES = {table.name for table in METADATA.sorted_tables}


@pytest.fixture
def scratch_url(postgres_server: RunningPostgres) -> Iterator[str]:
    postgres_server.server.create_database("scratch")
    yield postgres_server.server.database_url("scratch")
    postgres_server.run("DROP DATABASE scratch WITH (FORCE)", "postgres")


def list_tables(postgres_server: RunningPostgres) -> set[str]:
    rows = postgres_server.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", "scratch")
    return {row[0] for row in rows} - {"alembic_version"}


def test_upgrade_downgrade_upgrade(postgres_server: RunningPostgres, scratch_url: str) -> None:
    config = alembic_config(scratch_url)
    command.upgrade(config, "head")
    assert list_tables(postgres_server) == MODEL_TABLES
    command.downgrade(config, "base")
    assert list_tables(postgres_server) == set()
    functions = (
        "SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
    )
    assert postgres_server.run(functions, "scratch") == []
    command.upgrade(config, "head")
    assert list_tables(postgres_server) == MODEL_TABLES


def test_alembic_finds_no_difference_between_models_and_schema(postgres_server: RunningPostgres) -> None:
    command.check(alembic_config(postgres_server.url))


def test_alembic_check_notices_a_difference(postgres_server: RunningPostgres, scratch_url: str) -> None:
    command.upgrade(alembic_config(scratch_url), "head")
    postgres_server.run("ALTER TABLE users DROP COLUMN disabled_at", "scratch")
    with pytest.raises(CommandError, match="disabled_at"):
        command.check(alembic_config(scratch_url))


def test_migration_and_models_make_the_same_constraints_and_indexes(postgres_server: RunningPostgres) -> None:
    """Alembic does not compare CHECK constraints: make the tables both ways and ask PostgreSQL."""
    postgres_server.server.create_database("from_models")
    engine = create_engine(postgres_server.server.database_url("from_models"))
    METADATA.create_all(engine)
    engine.dispose()
    constraints = """
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid::regclass::text = ANY(:tables) ORDER BY 1
    """
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:tables) ORDER BY 1"
    for question in (constraints, indexes):
        migrated = postgres_server.run(question, tables=sorted(MODEL_TABLES))
        assert len(migrated) > len(MODEL_TABLES)
        assert migrated == postgres_server.run(question, "from_models", tables=sorted(MODEL_TABLES))
    postgres_server.run("DROP DATABASE from_models WITH (FORCE)", "postgres")


def test_two_migrators_take_turns(postgres_server: RunningPostgres, scratch_url: str) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    engine = create_engine(scratch_url)
    with ThreadPoolExecutor() as pool, engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(7265101)"))
        migrators = [pool.submit(run_alembic, scratch_url, "upgrade", "head") for _ in range(2)]
        deadline = time.monotonic() + 30
        while postgres_server.run(waiting, "scratch") != [[2]]:
            assert time.monotonic() < deadline, "the migrators do not wait for the lock"
            time.sleep(0.05)
        assert list_tables(postgres_server) == set()
        holder.rollback()
        assert [migrator.result().returncode for migrator in migrators] == [0, 0]
    engine.dispose()
    assert list_tables(postgres_server) == MODEL_TABLES


def test_a_migrator_that_waits_too_long_for_another_says_so_and_changes_nothing(
    postgres_server: RunningPostgres, scratch_url: str
) -> None:
    engine = create_engine(scratch_url)
    with engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(7265101)"))
        done = run_alembic(scratch_url, "-x", "statement_timeout=500ms", "upgrade", "head")
    engine.dispose()
    assert done.returncode != 0
    assert "FAILED: Another migration has kept this database busy for 500ms" in done.stdout
    assert "Traceback" not in done.stdout
    assert list_tables(postgres_server) == set()


def test_a_table_that_stays_locked_ends_the_migration_and_changes_nothing(
    postgres_server: RunningPostgres, scratch_url: str
) -> None:
    assert run_alembic(scratch_url, "upgrade", "head").returncode == 0
    engine = create_engine(scratch_url)
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM users"))
        done = run_alembic(scratch_url, "-x", "lock_timeout=500ms", "downgrade", "base")
    engine.dispose()
    assert done.returncode != 0
    assert "FAILED: A table this migration changes stayed locked for 500ms" in done.stdout
    assert "Traceback" not in done.stdout
    assert list_tables(postgres_server) == MODEL_TABLES


def test_runs_from_the_command_line_with_the_url_of_the_environment(
    postgres_server: RunningPostgres, scratch_url: str
) -> None:
    done = run_alembic(scratch_url, "upgrade", "head")
    assert done.returncode == 0, done.stdout
    assert "Running upgrade  -> 0001" in done.stdout
    assert list_tables(postgres_server) == MODEL_TABLES


def run_alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": url},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
