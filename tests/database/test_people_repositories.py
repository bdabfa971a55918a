"""Users, sessions, actions and prompts."""

from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import pytest

from shared.database.models.activity import Action, ActionOutcome, Prompt, PromptStatus
from shared.database.models.users import Role, UserKind
from shared.database.repositories.prompts import PromptAnswer
from shared.database.repositories.users import SeenUser
from shared.database.unit_of_work import Database
from shared.errors import ConflictError
from tests.database.builders import NOW, add_user, make_session
from tests.fixtures.postgres import count_statements, list_actions

HOUR = timedelta(hours=1)


def token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def test_users_are_created_once_whatever_the_case_of_the_address(database: Database) -> None:
    with database.begin() as work:
        first = work.users.upsert_many([SeenUser("Ada@Example.com", Role.VIEWER, NOW, "Ada")])[0]
    later = SeenUser("ada@example.COM", Role.ADMIN, NOW + HOUR)
    with database.begin() as work:
        second = work.users.upsert_many([later])[0]
    assert (second.id, second.role, second.last_seen_at) == (first.id, Role.ADMIN, NOW + HOUR)
    assert (second.email, second.display_name) == ("Ada@Example.com", "Ada")


def test_many_users_come_back_in_input_order_from_one_statement(database: Database) -> None:
    emails = [f"user{number}@example.com" for number in (3, 1, 2)]
    seen = [SeenUser(email, Role.VIEWER, NOW) for email in emails]
    robot = SeenUser("robot@example.com", Role.EDITOR, NOW, kind=UserKind.SERVICE_ACCOUNT)
    with database.begin() as work, count_statements(database) as statements:
        users = work.users.upsert_many([*seen, robot, seen[0]])
    assert [user.email for user in users] == [*emails, robot.email, emails[0]]
    assert users[0].id == users[-1].id
    assert users[3].kind is UserKind.SERVICE_ACCOUNT
    assert len(statements) == 1


def test_users_are_found_by_address_and_id(database: Database) -> None:
    user = add_user(database, "ada@example.com")
    with database.begin() as work:
        assert (
            work.users.get_by_emails(["ADA@example.com", "nobody@example.com"])["ADA@example.com"].id
            == user.id
        )
        assert work.users.get_by_emails([]) == {}


def test_sessions_of_a_user_are_listed_revoked_and_cleaned_up_together(database: Database) -> None:
    ada, bob = add_user(database, "ada@example.com"), add_user(database, "bob@example.com")
    with database.begin() as work:
        work.sessions.create_many([make_session(ada, "a"), make_session(ada, "b"), make_session(bob, "c")])
        assert len(work.sessions.list_for_user(ada.id, NOW)) == 2
        assert len(work.sessions.revoke_for_users([ada.id], NOW)) == 2
        assert work.sessions.list_for_user(ada.id, NOW) == []
        assert len(work.sessions.list_for_user(bob.id, NOW)) == 1
        assert work.sessions.delete_expired(NOW, 10) == 0
        assert work.sessions.delete_expired(NOW + timedelta(days=8), 2) == 2
        assert work.sessions.delete_expired(NOW + timedelta(days=8), 10) == 1


def test_one_token_opens_one_session(database: Database) -> None:
    user = add_user(database)
    with database.begin() as work:
        work.sessions.create_many([make_session(user, "same")])
    with pytest.raises(ConflictError, match="token exists already"), database.begin() as work:
        work.sessions.create_many([make_session(user, "same")])


def test_actions_are_appended_in_one_statement(database: Database) -> None:
    user = add_user(database)
    actions = [
        Action(
            actor="ada@example.com", user_id=user.id if number % 2 else None, action="dashboard.save",
            target=f"board-{number % 3}", outcome=ActionOutcome.SUCCESS, created_at=NOW + number * HOUR,
            trace_id="ab" * 16, detail={"n": number}, bytes_billed=2**40,
        )
        for number in range(9)
    ]  # fmt: skip
    with database.begin() as work, count_statements(database) as statements:
        work.actions.create_many(actions)
    assert len(statements) == 1
    found = list_actions(database)
    assert [row.detail["n"] for row in found] == list(range(9))
    assert [row.user_id for row in found[:2]] == [None, user.id]
    assert {row.bytes_billed for row in found} == {2**40}


def test_prompts_are_answered_in_one_statement_listed_and_deleted(database: Database) -> None:
    user = add_user(database)
    prompts = [Prompt(user_id=user.id, question=f"q{n}", created_at=NOW + n * HOUR) for n in range(3)]
    with database.begin() as work:
        created = work.prompts.create_many(prompts)
        diagnostics = [{"code": "UNKNOWN_FIELD", "line": 3}]
        with count_statements(database) as statements:
            work.prompts.answer_many(
                [
                    PromptAnswer(created[0].id, PromptStatus.ANSWERED, NOW, "nyc", "version: 1\n"),
                    PromptAnswer(
                        created[1].id, PromptStatus.FAILED, NOW, error_code="X", diagnostics=diagnostics
                    ),
                ]
            )
        rows = work.prompts.get_many([prompt.id for prompt in created])
        page = work.prompts.list_for_user(user.id, page=1, page_size=2)
        assert work.prompts.delete_many([created[0].id, uuid4()]) == 1
        assert work.prompts.list_for_user(user.id, page=5).total == 2
    assert len(statements) == 1
    assert rows[created[0].id].answer_yaml == "version: 1\n"
    assert (rows[created[1].id].status, rows[created[1].id].diagnostics) == (PromptStatus.FAILED, diagnostics)
    assert rows[created[2].id].status is PromptStatus.PENDING
    assert ([row.question for row in page.items], page.total) == (["q2", "q1"], 3)
