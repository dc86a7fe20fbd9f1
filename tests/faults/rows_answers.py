"""Answers that are no file and no page: refusals, errors, garbage, waits."""

from faults.household import Household
from faults.row import Row, Rule, once_each

_EVERYTHING = {"class": "any"}


def storm(home: Household) -> None:
    """Amid the downloads, everything is answered with 429 for six seconds."""
    home.until_under_way()
    rule = home.standin.rules.add("rate_limit", match=_EVERYTHING, retry_after=1)
    home.for_seconds(6)
    home.standin.rules.remove(rule)


def _refuse_files(home: Household) -> None:
    home.until("the queue", lambda: home.count("pending") + home.count("in_progress"))
    rule = home.standin.rules.add("withdrawn", match={"class": "file"})
    home.for_seconds(6)
    home.standin.rules.remove(rule)


def _refuse_pages(home: Household) -> None:
    home.until_under_way()
    rule = home.standin.rules.add("status", match={"class": "page"}, code=403, body="Forbidden")
    home.for_seconds(6)
    home.standin.rules.remove(rule)


def _break_everything(home: Household) -> None:
    home.until_under_way()
    rule = home.standin.rules.add("status", match=_EVERYTHING, code=500)
    home.for_seconds(6)
    home.standin.rules.remove(rule)


ROWS = (
    Row("an error page with status 200 for each file", (once_each("error_page"),)),
    Row("a throttle page with status 200 for each file", (once_each("throttle_page"),)),
    Row("429 with Retry-After for each address", (once_each("rate_limit", retry_after=1),)),
    Row("429 without Retry-After", (once_each("rate_limit", retry_after=None),)),
    Row("429 with Retry-After as a date", (once_each("rate_limit", retry_after="date:1"),)),
    Row("a storm of 429 over everything for 6 s", happens=storm, rate=150_000),
    Row("403 for every file for 6 s", happens=_refuse_files, requests_each=12.0),
    Row("403 for every page for 6 s", happens=_refuse_pages, rate=150_000, purchases=8),
    Row("500 for each first page", (once_each("status", code=500),)),
    Row(
        "502 for the first four answers of the collection",
        (Rule("status", {"code": 502}, {"class": "collection"}, times=4),),
    ),
    Row("500 for each first file", (Rule("status", {"code": 500}, {"class": "file"}, times=1, first_each=True),)),
    Row("500 for everything for 6 s", happens=_break_everything, rate=150_000),
    Row(
        "archives are not ready for a minute and a half",
        (Rule("stat", {"variant": "pending"}, times=20, first_each=True),),
        purchases=3,
        requests_each=30.0,
    ),
    Row("the file host says 503 for half a minute", (Rule("encoding", times=10, first_each=True),), purchases=3,
        requests_each=20.0),
    Row("each first link has expired", (once_each("expired_link"),)),
    Row("garbage instead of the collection's JSON", (Rule("garbage", {}, {"class": "collection"}, times=3),)),
    Row("garbage instead of the stat's JSON", (Rule("garbage", {}, {"class": "stat"}, times=1, first_each=True),)),
    Row("each first answer is empty", (Rule("empty", {}, _EVERYTHING, times=1, first_each=True),)),
    Row("pictures that never end", (Rule("endless", {"mebibytes": 4096}, {"class": "art"}),), purchases=8),
    Row("a browser challenge before pages and API", (Rule("challenge", {"mode": "cookie"}),)),
)  # fmt: skip
