"""A change elsewhere is told to those whose case it is, while they look."""

import pytest

from tests.pages.conftest import Pages, heard
from tests.pages.stories import STORIES, contested


@pytest.mark.parametrize("path", ["/cases/changes", "/cases/{}/changes"])
def test_a_change_elsewhere_is_told_to_those_whose_case_it_is(pages: Pages, path: str) -> None:
    story = contested(pages.store)

    told = heard(pages, "desk-1", path.format(story.case_no), lambda: story.settled("parents_marriage", met=True))

    assert told == [f"data: {story.case_no}"]


def test_a_change_elsewhere_is_not_told_to_others(pages: Pages) -> None:
    story, another = contested(pages.store), STORIES["fresh"](pages.store, key="2")

    assert heard(pages, "neighbour-1", "/cases/changes", lambda: story.settled("parents_marriage", met=True)) == []
    assert heard(pages, "desk-1", f"/cases/{another.case_no}/changes", story.withdrawn) == []
    assert pages.by("neighbour-1").get(f"/cases/{story.case_no}/changes").status == 404
