"""The validators that need no warehouse, in the order they run."""

from shared.dashboards.validators.base import DashboardValidator
from shared.dashboards.validators.charts import (
    DrawableMarkValidator,
    ExternalDataValidator,
)
from shared.dashboards.validators.files import SqlFileValidator
from shared.dashboards.validators.naming import SlugValidator, VersionValidator
from shared.dashboards.validators.parameters import (
    ParameterNameValidator,
    ParameterUseValidator,
    ParameterValueValidator,
    VariantCountValidator,
)
from shared.dashboards.validators.references import (
    ChartQueryValidator,
    DuplicateNameValidator,
    LayoutValidator,
)
from shared.dashboards.validators.refresh import BudgetValidator, RefreshValidator
from shared.dashboards.validators.sql import SqlValidator
from shared.dashboards.validators.values import ParameterTypeValidator, QuantityValidator


def offline_validators() -> list[DashboardValidator]:
    """A fresh list; callers may add to it or take from it."""
    return [
        VersionValidator(),
        SlugValidator(),
        QuantityValidator(),
        RefreshValidator(),
        BudgetValidator(),
        DuplicateNameValidator(),
        ChartQueryValidator(),
        LayoutValidator(),
        SqlFileValidator(),
        SqlValidator(),
        ParameterTypeValidator(),
        ParameterNameValidator(),
        ParameterUseValidator(),
        ParameterValueValidator(),
        VariantCountValidator(),
        DrawableMarkValidator(),
        ExternalDataValidator(),
    ]
