"""Personal content is sealed for one person in one case: nobody moves it, nobody reads it after it was forgotten."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import func, select, text

from store.batch import Batch
from store.cases import CaseStore
from store.database import Database
from store.keys import KeyRing
from store.tables import vault_entries, vault_keys, vault_lookups
from store.vault import Dossier, Forgotten, Kept, Vault, VaultTampered
from tests.desk import LOOKUP_KEY, MONDAY, RING, example, family, file, register_says, store_on, withdraw

NEW_RING = KeyRing("k2", {"k2": sha256(b"the next key").digest(), **RING.keys})
MOTHER = ("citizen_id", "339901199403170006")


def keep(database: Database, vault: Vault, case: UUID, *kept: Kept) -> None:
    with database.begin() as connection:
        batch = Batch()
        vault.keep(connection, batch, case, kept, MONDAY)
        batch.write(connection)


def opened(database: Database, vault: Vault, case: UUID) -> Dossier:
    with database.reading() as connection:
        return vault.open(connection, case)


def forget(database: Database, vault: Vault, owner: UUID) -> None:
    with database.begin() as connection:
        vault.forget(connection, owner, MONDAY)


@pytest.fixture
def vault() -> Vault:
    return Vault(RING, LOOKUP_KEY)


@pytest.fixture
def case() -> UUID:
    return uuid4()


# ── sealing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_kept_is_read_again_rare_characters_included(database: Database, vault: Vault, case: UUID) -> None:
    mother, father = uuid4(), uuid4()
    keep(
        database,
        vault,
        case,
        Kept(mother, "form/mother", {"name": "尉迟㛃", "phone": "15499000000"}),
        Kept(father, "form/father", {"name": "欧阳𬭎", "note": '"\\\n\x1f'}),
    )

    dossier = opened(database, vault, case)

    assert dossier.find(mother, "form/mother") == {"name": "尉迟㛃", "phone": "15499000000"}
    assert dossier.find(father, "form/father") == {"name": "欧阳𬭎", "note": '"\\\n\x1f'}
    assert dossier.find(mother, "form/father") is None


def test_an_entry_of_the_same_name_replaces_the_one_before(database: Database, vault: Vault, case: UUID) -> None:
    mother = uuid4()
    keep(
        database, vault, case, Kept(mother, "form/mother", {"phone": "1"}), Kept(mother, "form/mother", {"phone": "2"})
    )
    keep(database, vault, case, Kept(mother, "form/mother", {"phone": "3"}))

    assert opened(database, vault, case).entries == {(mother, "form/mother"): {"phone": "3"}}


def test_nothing_of_a_family_stands_in_the_database_in_the_clear(
    store: CaseStore, superuser_url: str, database_name: str
) -> None:
    form = example()
    filed = file(store, form)
    withdraw(store, filed.case_id)
    canaries = [
        form["mother"]["citizen_id"],
        form["father"]["citizen_id"],
        form["mother"]["phone"],
        form["mother"]["account"],
        form["mother"]["name"],
        form["children"][0]["name"],
        "改在户籍地办理",
    ]

    with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql")) as superuser:
        tables = [
            row[0]
            for row in superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        ]
        dump = "\n".join(
            str(row[0])
            for table in tables
            for row in superuser.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))).fetchall()
        )

    assert filed.case_no in dump
    found = [
        canary
        for canary in canaries
        if canary in dump or canary.encode().hex() in dump or sha256(canary.encode()).hexdigest() in dump
    ]
    assert found == []


@pytest.mark.parametrize("place", ["another case", "another person", "another name"])
def test_content_that_was_moved_to_another_place_is_refused(
    database: Database, vault: Vault, case: UUID, place: str
) -> None:
    mother, father, elsewhere = uuid4(), uuid4(), uuid4()
    keep(
        database,
        vault,
        case,
        Kept(mother, "form/mother", {"name": "尉迟㛃"}),
        Kept(father, "form/father", {"name": "—"}),
    )
    change = {
        "another case": "UPDATE vault_entries SET case_id = :elsewhere WHERE owner = :mother",
        "another person": "UPDATE vault_entries SET owner = :father, name = 'form/mother' WHERE owner = :mother",
        "another name": "UPDATE vault_entries SET name = 'form/father' WHERE owner = :mother",
    }[place]
    with database.begin() as connection:
        connection.execute(text(change), {"elsewhere": elsewhere, "mother": mother, "father": father})

    with pytest.raises(VaultTampered):
        opened(database, vault, elsewhere if place == "another case" else case)


def test_a_data_key_of_somebody_else_opens_nothing(database: Database, vault: Vault, case: UUID) -> None:
    mother, father = uuid4(), uuid4()
    keep(database, vault, case, Kept(mother, "a", {"name": "尉迟㛃"}), Kept(father, "b", {"name": "欧阳𬭎"}))
    with database.begin() as connection:
        connection.execute(
            text("UPDATE vault_keys SET wrapped = (SELECT wrapped FROM vault_keys WHERE owner = :a) WHERE owner = :b"),
            {"a": father, "b": mother},
        )

    with pytest.raises(VaultTampered):
        opened(database, vault, case)


def test_without_the_key_ring_there_is_nothing_to_read(database: Database, vault: Vault, case: UUID) -> None:
    keep(database, vault, case, Kept(uuid4(), "a", {"name": "尉迟㛃"}))
    stranger = Vault(KeyRing("k1", {"k1": sha256(b"a guess").digest()}), LOOKUP_KEY)
    other_names = Vault(KeyRing("k9", {"k9": RING.keys["k1"]}), LOOKUP_KEY)

    for thief in (stranger, other_names):
        with pytest.raises(VaultTampered) as refusal:
            opened(database, thief, case)
        assert "尉迟" not in str(refusal.value)


# ── forgetting ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forgotten_person_is_gone_from_every_case_and_cannot_be_found(store: CaseStore) -> None:
    filed = file(store)
    before = store.open_case_file(filed.case_id)
    mother, father = before.person("mother"), before.person("father")

    forget(store.database, store.vault, mother)

    after = store.open_case_file(filed.case_id)
    assert after.declared("mother.name") is None
    assert after.dossier.forgotten == {mother}
    assert after.declared("father.name") == before.declared("father.name")
    assert after.file == before.file, "what happened stays"
    with store.database.reading() as connection:
        assert store.vault.person_of(connection, *MOTHER) is None
        assert store.vault.persons_by(connection, "name", "尉迟㛃") == ()
        assert store.vault.person_of(connection, "citizen_id", example()["father"]["citizen_id"]) == father


def test_nothing_more_is_kept_about_a_forgotten_person(database: Database, vault: Vault, case: UUID) -> None:
    mother = uuid4()
    keep(database, vault, case, Kept(mother, "form/mother", {"name": "尉迟㛃"}))
    forget(database, vault, mother)

    with pytest.raises(Forgotten):
        keep(database, vault, case, Kept(mother, "product/x", {"value": "1"}))


def test_somebody_who_was_forgotten_and_comes_again_is_a_new_person(store: CaseStore) -> None:
    first = file(store)
    mother = store.open_case_file(first.case_id).person("mother")
    withdraw(store, first.case_id)
    forget(store.database, store.vault, mother)
    again = example()
    again["mother"]["phone"] = "15499000099"

    second = file(store, again, key="key-2")

    opened_again = store.open_case_file(second.case_id)
    assert opened_again.person("mother") != mother
    assert opened_again.declared("mother.name") == "尉迟㛃"
    assert store.open_case_file(first.case_id).declared("mother.name") is None


# ── rotation ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rotation_wraps_every_key_anew_and_the_old_one_may_go(store: CaseStore, other_store: CaseStore) -> None:
    cases = [file(store, family(number), key=str(number)) for number in range(10)]
    rotated = store_on(store.database, NEW_RING)
    names = [rotated.open_case_file(case.case_id).declared("mother.name") for case in cases]

    def rewrap(_: int) -> int:
        done = 0
        while True:
            with other_store.database.begin() as connection:
                some = rotated.vault.rewrap(connection, 7)
            if not some:
                return done
            done += some

    # Two at once, as two operators would; each row is done by one of them.
    with ThreadPoolExecutor(2) as pool:
        total = sum(pool.map(rewrap, range(2)))
    with store.database.reading() as connection:
        keys = connection.execute(select(vault_keys.c.key_id, func.count()).group_by(vault_keys.c.key_id)).all()

    assert [tuple(row) for row in keys] == [("k2", total)]
    without_old = store_on(store.database, KeyRing("k2", {"k2": NEW_RING.keys["k2"]}))
    assert [without_old.open_case_file(case.case_id).declared("mother.name") for case in cases] == names
    with pytest.raises(VaultTampered):
        store.open_case_file(cases[0].case_id)


def test_writing_goes_on_while_keys_are_rotated(store: CaseStore) -> None:
    filed = file(store)
    rotated = store_on(store.database, NEW_RING)
    with store.database.begin() as connection:
        rotated.vault.rewrap(connection, 1_000)

    command = register_says(filed.case_id, "mother_identity")
    evidence = Kept(filed.case_id, "evidence/mother_identity", {"name": "尉迟㛃"}, command.id)
    rotated.handle(filed.case_id, [command], kept=[evidence], tell_workflow=False)

    assert rotated.open_case_file(filed.case_id).evidence("mother_identity") == {"name": "尉迟㛃"}


def test_a_forgotten_key_is_not_brought_back_by_rotation(store: CaseStore) -> None:
    filed = file(store)
    mother = store.open_case_file(filed.case_id).person("mother")
    forget(store.database, store.vault, mother)
    rotated = Vault(NEW_RING, LOOKUP_KEY)
    with store.database.begin() as connection:
        while rotated.rewrap(connection, 100):
            pass

    assert opened(store.database, rotated, filed.case_id).forgotten == {mother}


# ── who is who ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_number_is_one_person_in_all_cases(store: CaseStore) -> None:
    first = file(store, family(1), key="1")
    form = family(2)
    form["mother"]["citizen_id"] = family(1)["mother"]["citizen_id"]
    second = file(store, form, key="2")

    one, two = store.open_case_file(first.case_id), store.open_case_file(second.case_id)

    assert one.person("mother") == two.person("mother")
    assert one.person("father") != two.person("father")
    assert one.person("children") != two.person("children"), "who has no number yet is nobody known"
    with store.database.reading() as connection:
        assert store.vault.person_of(connection, "citizen_id", form["mother"]["citizen_id"]) == one.person("mother")
        assert store.vault.person_of(connection, "passport", form["mother"]["citizen_id"]) is None
        assert store.vault.persons_by(connection, "phone", family(1)["mother"]["phone"]) == (one.person("mother"),)


def test_two_desks_that_meet_the_same_new_person_at_once_agree(store: CaseStore, other_store: CaseStore) -> None:
    """Ten couples in forty forms at the same time, mother and father in different orders of arrival."""

    def hand_in(number: int) -> tuple[str, UUID]:
        form = family(number)
        couple = family(100 + number % 10)
        form["mother"], form["father"] = couple["mother"], couple["father"]
        filed = file((store, other_store)[number % 2], form, key=str(number))
        return form["mother"]["citizen_id"], store.open_case_file(filed.case_id).person("mother")

    with ThreadPoolExecutor(8) as pool:
        met = list(pool.map(hand_in, range(40)))

    assert len(set(met)) == 10
    with store.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(vault_lookups)) == 20
        sealed = connection.scalar(select(func.count()).select_from(vault_entries))
    assert sealed
    assert sealed > 40


def test_a_look_up_cannot_be_tried_out_without_the_key(vault: Vault) -> None:
    assert vault.digest(*MOTHER) != Vault(RING, sha256(b"another").digest()).digest(*MOTHER)
    assert vault.digest("a", "b", "c") != vault.digest("a", "bc")
    assert vault.digest("a", "b", "c") != vault.digest("a\x1fb", "d")
