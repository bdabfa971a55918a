"""Rules over the words alone: there is one statement, it is a query, and Almanac reads all of it.

What BigQuery accepts and Almanac does not read yet is said as it is, with what to write instead.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.lexer import LexedSql, Lexeme, make_words
from shared.sql.violations import Violation, raise_violations

_QUERY_WORDS = frozenset({"SELECT", "WITH", "FROM"})
_STATEMENT_WORDS = make_words(
    """
    ABORT ALTER ANALYZE ASSERT BEGIN BREAK CALL CASE CLONE COMMIT CONTINUE CREATE DECLARE DEFINE DELETE DESC
    DESCRIBE DROP EXECUTE EXPLAIN EXPORT FOR GRANT GRAPH IF IMPORT INSERT ITERATE LEAVE LOAD LOOP MERGE MODULE
    RAISE RENAME REPEAT REPLACE RETURN REVOKE ROLLBACK RUN SET SHOW START TABLE TRUNCATE UNDROP UPDATE USE
    VALUES WHILE
    """
)
_SECOND_WORDS = make_words(
    """
    DATA EXTERNAL FUNCTION IMMEDIATE INTO MATERIALIZED MODEL OR PROCEDURE ROW SCHEMA SEARCH SNAPSHOT TABLE
    TEMP TEMPORARY TRANSACTION VECTOR VIEW
    """
)


def check_statement(lexed: LexedSql) -> Sequence[Lexeme]:
    """The lexemes of the only statement, without the semicolons behind it.

    Raises SqlInvalidError when there is none or it begins like no statement at all, SqlNotAllowedError
    at the beginning of a second statement, or of one that is no query.
    """
    statements = _split_statements(lexed.lexemes)
    if not statements or not statements[0]:
        position = lexed.lexemes[0].start if lexed.lexemes else 0
        message = "The SQL is empty; write one SELECT."
        raise_violations(lexed.sql, [Violation(SqlInvalidError, "empty", message, "", position)])
    violations = [
        violation
        for number, statement in enumerate(statements)
        if statement and (violation := _judge(statement, number)) is not None
    ]
    raise_violations(lexed.sql, violations)
    return statements[0]


def _split_statements(lexemes: Sequence[Lexeme]) -> list[list[Lexeme]]:
    statements: list[list[Lexeme]] = [[]] if lexemes else []
    for lexeme in lexemes:
        if lexeme.text == ";":
            statements.append([])
        else:
            statements[-1].append(lexeme)
    return statements


def _judge(statement: list[Lexeme], number: int) -> Violation | None:
    first_index = next((i for i, lexeme in enumerate(statement) if lexeme.text != "("), 0)
    first = statement[first_index]
    found = _name_statement(statement[first_index : first_index + 2])
    if first.upper in _STATEMENT_WORDS and first.kind == "word":
        message = f"{found} never runs here; only a single SELECT does."
        return Violation(SqlNotAllowedError, "statement", message, found, first.start)
    if number > 0:
        message = f"A second statement begins with {found}; only a single SELECT runs."
        return Violation(SqlNotAllowedError, "single_statement", message, found, statement[0].start)
    if first.upper not in _QUERY_WORDS or first.kind != "word":
        message = f"A query begins with SELECT, WITH or FROM, not with {found}."
        return Violation(SqlInvalidError, "syntax", message, found, first.start)
    return None


def _name_statement(words: list[Lexeme]) -> str:
    first = words[0].upper if words[0].kind == "word" else words[0].text[:40]
    if len(words) > 1 and words[1].upper in _SECOND_WORDS and words[0].kind == "word":
        return f"{first} {words[1].upper}"
    return first


UNREAD = {"MATCH_RECOGNIZE": "LAG and LEAD in a SELECT, with QUALIFY"}
"""Clauses and pipe operators by their word, and how to write each."""


def find_unread(lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
    """Everything in a statement that only the parser stumbles over."""
    for lexeme, following in pairwise(lexemes):
        if lexeme.kind == "word" and lexeme.upper in UNREAD and following.text == "(":
            yield _explain(lexeme.upper, UNREAD[lexeme.upper], lexeme)


def _explain(found: str, instead: str, lexeme: Lexeme) -> Violation:
    message = f"BigQuery accepts {found}, Almanac does not read it yet."
    return Violation(SqlInvalidError, "syntax", message, found, lexeme.start, f"Write it as {instead}.")
