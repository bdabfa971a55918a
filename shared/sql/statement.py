"""What is held against a text before it is parsed: its size and nesting, and that it is one statement, a query.

What BigQuery accepts and Almanac does not read yet is said as it is, with what to write instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.lexer import LexedSql, Lexeme, make_words
from shared.sql.violations import Violation, raise_violations

_CLOSING = {")": "(", "]": "["}
_PREFIXES = frozenset({"NOT", "-", "+", "~", "INTERVAL"})
_REREAD_PREFIXES = frozenset({"SAFE", "NET"})
# Each nests in the one before it, without a bracket: the work of whoever reads the tree grows with the square.
_CHAINING = frozenset({"+", "-", "*", "/", "|", "AND", "OR", "UNION", "INTERSECT", "EXCEPT", "JOIN"})
# Names of types and what the parser takes for one: it reads twice what stands in brackets behind them.
_REPARSED_WORDS = make_words(
    """
    ARRAY BIGDECIMAL BIGNUMERIC BOOL BYTES DATE DATETIME DECIMAL FLOAT64 INT64 INTERVAL JSON NUMERIC RANGE STRING
    STRUCT TIME TIMESTAMP UNION
    """
)
MAX_WORK = 40_000
MAX_CHAIN = 1000
_REMEDIATION = "Split it with WITH, or move long lists into a table."


@dataclass(frozen=True)
class SqlBounds:
    """How long a text may be, and how deeply its brackets, CASE and operators may nest."""

    max_bytes: int = 256 * 1024
    max_depth: int = 24


DEFAULT_BOUNDS = SqlBounds()


def check_size(sql: str, bounds: SqlBounds) -> None:
    """Raise SqlInvalidError when the text is empty or longer than the bounds allow."""
    size = len(sql.encode("utf-8", "surrogatepass"))
    if size > bounds.max_bytes:
        message = f"The SQL has {size} bytes; at most {bounds.max_bytes} are accepted."
        raise_violations(sql, [Violation(SqlInvalidError, "size", message, f"{size} bytes", 0, _REMEDIATION)])


def check_nesting(lexed: LexedSql, bounds: SqlBounds) -> None:
    """Raise SqlInvalidError when brackets do not pair, nest too deeply, or cost the parser too much.

    The parser reads what stands in some brackets twice, behind the name of a type once as a type and once as
    a call, so every such pair doubles the work of its content; a thing nested twenty times would be read a
    million times. The sum over all lexemes is bounded.
    """
    raise_violations(lexed.sql, _find_excess(lexed.lexemes, bounds.max_depth))


def _find_excess(lexemes: Sequence[Lexeme], max_depth: int) -> Iterator[Violation]:
    open_items: list[tuple[str, Lexeme, int]] = []
    factor, work, prefixes = 1, 0, 0
    chains = [0]
    previous: Lexeme | None = None
    for index, lexeme in enumerate(lexemes):
        work += factor
        upper = lexeme.upper if lexeme.kind in ("word", "symbol") else ""
        prefixes = prefixes + 1 if upper in _PREFIXES else 0
        if upper in _CHAINING and not (upper == "|" and previous is not None and previous.text == "|"):
            chains[-1] += 1
        elif upper == ",":
            chains[-1] = 0
        after_dot = previous is not None and previous.text == "."
        if upper in ("(", "[") or (upper == "CASE" and not after_dot):
            open_items.append((upper, lexeme, factor))
            factor *= _count_readings(lexemes, index)
            chains.append(0)
        elif upper in _CLOSING or (upper == "END" and open_items and open_items[-1][0] == "CASE"):
            if not open_items or open_items[-1][0] != _CLOSING.get(upper, "CASE"):
                yield _unpaired(lexeme)
                return
            factor = open_items.pop()[2]
            chains.pop()
        if len(open_items) + prefixes > max_depth or work > MAX_WORK:
            yield _too_much(lexeme, max_depth, nested=work <= MAX_WORK)
            return
        if chains[-1] > MAX_CHAIN:
            message = f"The SQL chains more than {MAX_CHAIN} operators."
            yield Violation(SqlInvalidError, "size", message, lexeme.text, lexeme.start, _REMEDIATION)
            return
        previous = lexeme
    if open_items:
        yield _unpaired(open_items[-1][1])


def _count_readings(lexemes: Sequence[Lexeme], opening: int) -> int:
    """How often the parser reads what stands in the brackets that open at this place."""
    if opening == 0 or lexemes[opening - 1].kind != "word":
        return 1
    readings = 2 if lexemes[opening - 1].upper in _REPARSED_WORDS or lexemes[opening].text == "[" else 1
    if opening > 2 and lexemes[opening - 2].text == "." and lexemes[opening - 3].upper in _REREAD_PREFIXES:
        readings *= 2
    return readings


def _unpaired(lexeme: Lexeme) -> Violation:
    return Violation(
        SqlInvalidError, "syntax", f"{lexeme.upper} has no partner.", lexeme.text, lexeme.start
    )  # fmt: skip


def _too_much(lexeme: Lexeme, max_depth: int, *, nested: bool) -> Violation:
    what = f"nests deeper than {max_depth} levels" if nested else "is more than one statement may hold"
    return Violation(
        SqlInvalidError, "nesting" if nested else "size", f"The SQL {what}.", lexeme.text[:40], lexeme.start,
        _REMEDIATION,
    )  # fmt: skip


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
