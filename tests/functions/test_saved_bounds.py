"""What was saved within the bounds of its day is read under those of today, and one that fails stops no other."""

import pytest

from tests.fixtures.functions import SHOP, FunctionHost

LARGE = SHOP.replace("title: People", "description: Large\ntitle: People", 1) + f"# {'x' * 997}\n" * 1500
OTHER = SHOP.replace("slug: shop", "slug: other")


def refresh_all(functions: FunctionHost) -> dict[str, list[str]]:
    """The codes of problems by dashboard."""
    response = functions.call("precompute", "POST", "/precompute", json={"all": True})
    assert response.status_code == 200, response.text
    return {
        one["slug"]: [problem["code"] for problem in one["problems"]]
        for one in response.json["data"]["results"]
    }


def test_a_dashboard_as_large_as_a_body_is_saved_refreshed_and_saved_again(functions: FunctionHost) -> None:
    assert 1_450_000 < len(LARGE) < functions.container.settings.max_body_bytes
    functions.save_shop(OTHER)
    functions.save_shop(LARGE)
    assert refresh_all(functions) == {"other": [], "shop": []}
    assert functions.save_shop(SHOP)["version"] == 2
    assert functions.save_shop(LARGE.replace("Large", "Larger"))["version"] == 3


def test_a_lower_bound_does_not_reach_what_is_saved(functions: FunctionHost) -> None:
    functions.save_shop()
    functions.restart_with(max_body_bytes=200)
    assert refresh_all(functions) == {"shop": []}


class TestFewerVariantsThanAreSaved:
    @pytest.fixture
    def bounded(self, functions: FunctionHost) -> FunctionHost:
        functions.save_shop()
        functions.save_shop(OTHER.replace(', "2024-01-02"', ""))
        functions.restart_with(max_variants_per_dashboard=1)
        return functions

    def test_are_a_problem_of_that_dashboard_alone(self, bounded: FunctionHost) -> None:
        assert refresh_all(bounded) == {"other": [], "shop": ["VALIDATION_FAILED"]}
        due = bounded.call("precompute", "POST", "/precompute", json={"slugs": ["shop", "other"]})
        assert [one["variants_ready"] for one in due.json["data"]["results"]] == [0, 1]

    def test_can_be_corrected_by_a_save(self, bounded: FunctionHost) -> None:
        assert bounded.save_shop(SHOP.replace(', "2024-01-02"', ""))["version"] == 2
        assert refresh_all(bounded) == {"other": [], "shop": []}
