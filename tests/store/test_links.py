"""A one-time link leads to its question and to no other, until the question's time is over."""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from domain.time_limits import NaiveTime
from store.links import LinkRefused, read_link, sign_link
from store.vault import Vault
from tests.desk import LOOKUP_KEY, MONDAY, RING

QUESTION = UUID("0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d")
UNTIL = MONDAY + timedelta(minutes=30)
SECOND = timedelta(seconds=1)


@pytest.fixture
def vault() -> Vault:
    return Vault(RING, LOOKUP_KEY)


def test_the_link_leads_to_its_question_until_the_last_second(vault: Vault) -> None:
    token = sign_link(vault, QUESTION, UNTIL)

    assert read_link(vault, token, MONDAY) == QUESTION
    assert read_link(vault, token, UNTIL) == QUESTION


def test_afterwards_it_leads_nowhere(vault: Vault) -> None:
    token = sign_link(vault, QUESTION, UNTIL)

    with pytest.raises(LinkRefused):
        read_link(vault, token, UNTIL + SECOND)


def test_a_limit_within_a_second_is_not_cut_short(vault: Vault) -> None:
    until = UNTIL + timedelta(milliseconds=400)

    assert read_link(vault, sign_link(vault, QUESTION, until), until) == QUESTION


def test_the_token_fits_an_address_and_a_short_message_and_shows_nobody(vault: Vault) -> None:
    token = sign_link(vault, QUESTION, UNTIL)

    assert re.fullmatch(r"[A-Za-z0-9_-]{48}", token)
    assert str(QUESTION) not in token


def test_one_question_and_one_limit_have_one_link(vault: Vault) -> None:
    assert sign_link(vault, QUESTION, UNTIL) == sign_link(vault, QUESTION, UNTIL)
    assert sign_link(vault, QUESTION, UNTIL) != sign_link(vault, uuid4(), UNTIL)


def test_no_letter_of_it_can_be_changed(vault: Vault) -> None:
    token = sign_link(vault, QUESTION, UNTIL)

    for place, letter in enumerate(token):
        forged = f"{token[:place]}{'A' if letter != 'A' else 'B'}{token[place + 1 :]}"
        with pytest.raises(LinkRefused):
            read_link(vault, forged, MONDAY)


@pytest.mark.parametrize("of_it", [slice(0, 0), slice(0, 20), slice(0, 44), slice(0, 47), slice(4, 48), slice(28, 48)])
def test_a_piece_of_it_is_refused(vault: Vault, of_it: slice) -> None:
    with pytest.raises(LinkRefused):
        read_link(vault, sign_link(vault, QUESTION, UNTIL)[of_it], MONDAY)


@pytest.mark.parametrize("added", ["A", "====", "\n", "链接", "\x00", "." * 1000])
def test_more_than_the_token_is_refused(vault: Vault, added: str) -> None:
    token = sign_link(vault, QUESTION, UNTIL)

    for longer in (token + added, added + token):
        with pytest.raises(LinkRefused):
            read_link(vault, longer, MONDAY)


def test_a_house_with_another_key_does_not_know_it(vault: Vault) -> None:
    stranger = Vault(RING, sha256(b"another house").digest())

    with pytest.raises(LinkRefused):
        read_link(vault, sign_link(stranger, QUESTION, UNTIL), MONDAY)


def test_what_the_vault_hashes_for_other_purposes_makes_no_link(vault: Vault) -> None:
    genuine = sign_link(vault, QUESTION, UNTIL)

    class OtherPurpose(Vault):
        def digest(self, kind: str, *values: str) -> bytes:
            return super().digest("citizen_id", *values)

    forged = sign_link(OtherPurpose(RING, LOOKUP_KEY), QUESTION, UNTIL)
    assert forged != genuine
    with pytest.raises(LinkRefused):
        read_link(vault, forged, MONDAY)


def test_expired_and_forged_are_refused_in_the_same_words(vault: Vault) -> None:
    def refusal(token: str, at: datetime) -> tuple[str, str, str]:
        with pytest.raises(LinkRefused) as refused:
            read_link(vault, token, at)
        return refused.value.code, refused.value.zh, refused.value.en

    token = sign_link(vault, QUESTION, UNTIL)
    assert refusal(token, UNTIL + SECOND) == refusal("A" * 48, MONDAY) == refusal("", MONDAY)


def test_a_time_without_a_zone_is_our_mistake_not_the_links(vault: Vault) -> None:
    naive = MONDAY.replace(tzinfo=None)
    with pytest.raises(NaiveTime):
        sign_link(vault, QUESTION, naive)
    with pytest.raises(NaiveTime):
        read_link(vault, sign_link(vault, QUESTION, UNTIL), naive)
