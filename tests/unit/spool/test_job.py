import pytest
from bandcamp_sync.errors import Reason
from bandcamp_sync.spool.job import Claim, Job, State
from pydantic import ValidationError
from unit.factories import KEY, LINK, NOW, failure, job, receipt


def test_a_job_reads_back_as_it_was_written() -> None:
    one = job(
        attempt=3,
        not_before=NOW,
        failure=failure(Reason.REAUTH, link="https://bandcamp.com/settings"),
        claim=Claim(holder="host:1:ab", at=NOW),
        receipt=receipt(adopted=True, checked_at=NOW),
    )
    assert Job.model_validate_json(one.model_dump_json(by_alias=True)) == one


def test_the_states_are_the_folders_of_the_contract() -> None:
    assert [state.value for state in State] == ["pending", "in_progress", "failed", "done"]


@pytest.mark.parametrize(
    "change", [("p500000009", "../evil"), ('"schema":1', '"schema":2'), ('"attempt":0', '"attempt":"x"')]
)
def test_what_is_no_job_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(ValidationError):
        Job.model_validate_json(job().model_dump_json(by_alias=True).replace(*change))


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert Job.model_validate_json(job().model_dump_json(by_alias=True).replace("{", '{"later":1,', 1)) == job()


def test_a_receipt_knows_how_much_it_stands_for() -> None:
    assert receipt().size == 6 and receipt(files=()).size == 0


def test_a_job_that_is_printed_shows_no_link() -> None:
    assert LINK not in repr(job()) and job().label == f"Los Faros - Night Ferry ({KEY})"
