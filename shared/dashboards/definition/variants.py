"""Variants: the combinations of parameter values that are computed ahead.

This module is imported by the function that serves data: it needs the standard library only.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.dashboards.definition.parameter_values import ParameterValue
from shared.errors import ValidationFailedError

if TYPE_CHECKING:
    from shared.dashboards.definition.document import DashboardDefinition


def count_variants(definition: "DashboardDefinition") -> int:
    """Number of combinations of listed values."""
    return math.prod(len(parameter.listed_values) for parameter in definition.parameters)


def expand_variants(definition: "DashboardDefinition", max_variants: int) -> list[dict[str, ParameterValue]]:
    """Every combination of listed values, the defaults first, in the order the file lists them.

    Raises ValidationFailedError when there are more than `max_variants`.
    """
    count = count_variants(definition)
    if count > max_variants:
        raise ValidationFailedError(
            f"{definition.slug} has {count} combinations of parameter values; "
            f"at most {max_variants} are computed."
        )
    names = [parameter.name for parameter in definition.parameters]
    listed = [parameter.listed_values for parameter in definition.parameters]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*listed)]


def hash_variant(parameters: Mapping[str, ParameterValue]) -> str:
    """SHA-256 (hex) over canonical parameter values: the name of a variant."""
    text = json.dumps(dict(sorted(parameters.items())), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
