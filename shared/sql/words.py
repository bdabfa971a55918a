"""Word lists, written as text because they are read as text."""


def make_words(*texts: str) -> frozenset[str]:
    """The words of all texts, as a set."""
    return frozenset(word for text in texts for word in text.split())


# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords: only these words
# can never be names.
RESERVED_WORDS = make_words(
    """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
    CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
    FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS
    JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT
    TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN
    """
)
# What cannot be declared as a name without backticks. AT and SOME are left to BigQuery's dry run, which refuses them:
# the local warehouse takes both, and saved queries use them.
UNNAMEABLE_WORDS = RESERVED_WORDS - {"AT", "SOME"}
# What may stand behind SELECT WITH.
PRIVACY_KINDS = make_words("DIFFERENTIAL_PRIVACY AGGREGATION_THRESHOLD ANONYMIZATION")
