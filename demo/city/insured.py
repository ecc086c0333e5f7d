"""The register of insured persons as it can be read ahead: by district and month of birth, page by page."""

from functools import lru_cache
from typing import Any

from demo.city.population import DEFAULT_SIZE, Population, employer_of
from demo.city.workers import Worker, find_worker, worker, workers

MOST_PEOPLE_AT_ONCE = 5_000


@lru_cache(maxsize=2)
def _by_district(size: int) -> dict[str, list[Worker]]:
    found: dict[str, list[Worker]] = {}
    for one in workers(size):
        found.setdefault(one.district, []).append(one)
    return found


def people(asked: dict[str, Any], size: int = DEFAULT_SIZE) -> dict[str, Any]:
    """One page of lines, in the order of their numbers; `last` is None at the end."""
    born, after, limit = set(asked["born"]), asked["after"], min(asked["limit"], MOST_PEOPLE_AT_ONCE)
    lines = _by_district(size).get(asked["district"], [])
    found = [one for one in lines if one.person > after and (one.born in born or one.born_in_file in born)]
    page = found[:limit]
    more = len(found) > limit
    return {"people": [_line(one) for one in page], "last": page[-1].person if more else None, "read": len(lines)}


def records(asked: dict[str, Any], city: Population) -> dict[str, Any]:
    """What the registers hold of each of these persons."""
    found = {person: _record(worker(int(person[2:])), city) for person in asked["persons"] if _known(person)}
    return {"records": found}


def _known(person: str) -> bool:
    return (
        person.startswith("CB")
        and person[2:].isdecimal()
        and find_worker(worker(int(person[2:])).citizen_id) is not None
    )


def _line(one: Worker) -> dict[str, Any]:
    return {
        "person": one.person,
        "district": one.district,
        "sex": one.sex,
        "category": one.category,
        "born": one.born,
        "born_in_file": one.born_in_file,
        "contribution_months": one.contribution_months,
        "places": one.places,
        "arrears": one.arrears,
        "state": one.state,
    }


def _record(one: Worker, city: Population) -> dict[str, str]:
    record = {
        "name": one.name,
        "citizen_id": one.citizen_id,
        "born_on": one.born_on.isoformat(),
        "category": one.category,
        "contribution_months": str(one.contribution_months),
        "deemed_years": str(one.deemed_years).lower(),
        "employed": str(one.employer is not None).lower(),
        "housing_fund": str(one.housing_fund).lower(),
        "phone": one.phone,
        "account": one.account,
        "community": one.community,
    }
    if one.employer is not None:
        employer = employer_of(city.seed, one.employer)
        record |= {"employer_name": employer.name, "employer_uscc": employer.uscc}
    return record
