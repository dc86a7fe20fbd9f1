import html
import json
import pickle
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from bandcamp_sync.logs.redact import Secret, redact, redact_sample, register_secret
from hypothesis import assume, example, given
from hypothesis import strategies as st

HEX = "fedcba9876543210fedcba9876543210"
IDENTITY = '7\tS3CRETt0ken+/=x\t{"id":4242,"h1":"S3CREThash","ex":0}'

# Each holds {s} where a secret is.
SHAPES = [
    "https://bandcamp.com/download?from=collection&payment_id={s}&sig={s}&sitem_id=500000009",
    "https://popplers5.bandcamp.com/download/album?enc=flac&id=1&sig={s}&sitem_id=5",
    "https://popplers5.bandcamp.com/download/track?enc=flac&fsig={s}&id=1&ts=1780000000.5",
    "https://bandcamp.com/download?payment_id={s}&sig={s}&reauth_sig={s}&reauth_ts=1",
    "https://p4.bcbits.com/download/album/{s}/flac/10?id=10&sig={s}&token=1796027240_{s}",
    "https://bandcamp.com/stream_redirect?enc=mp3-v0&track_id=71&ts=1780000000&t={s}",
    "https://t4.bcbits.com/stream/{s}/mp3-128/71?p=0&ts=1780000000&t={s}&token=1780000000_{s}",
    '{{"sig": "{s}", "n": 1}}',
    "{{'token': '{s}', 'n': 1}}",
    '{{"payment_id": {s}, "n": 1}}',
    '{{"a":"{{\\"sig\\":\\"{s}\\",\\"n\\":1}}"}}',
    "sig={s}",
    "identity={s}; js_logged_in=1",
    "Cookie: a=b; identity={s}; c={s}",
    "set-cookie: session={s}; path=/",
    "'Cookie': 'identity={s}; x={s}'",
    "Authorization: Bearer {s}",
    ".bandcamp.com\tTRUE\t/\tTRUE\t0\tidentity\t{s}",
    "https://user:{s}@example.com/",
]


def same(text: str) -> str:
    return text


def twice(text: str) -> str:
    return quote(quote(text, safe=""), safe="")


ENCODINGS: list[Callable[[str], str]] = [same, lambda text: quote(text, safe=""), html.escape]
SECRETS = st.text("0123456789abcdef", min_size=32, max_size=40)


@given(SECRETS, st.text(max_size=40), st.text(max_size=40), st.sampled_from(SHAPES))
@example(HEX, "token=", "", SHAPES[0])
@example(HEX, '"sig": "', "", SHAPES[0])
@example(HEX, "cookie: ", "x", SHAPES[1])
@example(HEX, "%", "%", SHAPES[4])
def test_no_secret_survives_in_any_text_around_it(secret: str, before: str, after: str, shape: str) -> None:
    assume(secret not in before + after)
    assert secret not in redact(f"{before} {shape.format(s=secret)} {after}")


@given(SECRETS, st.sampled_from(SHAPES[:12]), st.sampled_from([*ENCODINGS, twice]))
def test_no_secret_survives_an_encoding(secret: str, shape: str, encode: Callable[[str], str]) -> None:
    assert secret not in redact(f"next={encode(shape.format(s=secret))} end")


@given(SECRETS, st.sampled_from(SHAPES[:8]), st.sampled_from(SHAPES[:8]))
def test_no_secret_survives_beside_another_one(secret: str, one: str, two: str) -> None:
    text = f"{one}{two}, {two}\n{one}".format(s=secret)
    assert secret not in redact(text)


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "encode", [same, quote, lambda text: quote(text, safe=""), twice, lambda t: json.dumps(t)[1:-1]]
)
@pytest.mark.parametrize("around", ["{}", "identity={}", "x {} y", "identity={}; a=b", '"value": "{}"'])
def test_the_identity_cookie_is_known_by_its_shape(encode: Callable[[str], str], around: str) -> None:
    assert "S3CRET" not in redact(around.format(encode(IDENTITY)))


def test_a_half_encoded_identity_is_known_too() -> None:
    assert "S3CRET" not in redact('7%09S3CRETtoken%09{"id":1,"h1":"S3CRET","ex":0}')
    assert "S3CRET" not in redact("7%09S3CRETtoken")


@pytest.mark.parametrize(
    "text",
    [
        "SIG={s}",
        "\u017fig={s}",
        "to\u212aen={s}",
        "s\u0131g={s}",
        "PAYMENT_\u0130D={s}",
        "x?T%3D{s}",
        "%22t%22:%22{s}%22",
        "{{&#39;t&#39;: &#39;{s}&#39;}}",
        "DOWNLOAD/TRACK/{s}",
    ],
)
def test_a_name_in_any_letters_is_known(text: str) -> None:
    assert HEX not in redact(text.format(s=HEX))


def test_what_is_no_secret_stays() -> None:
    text = (
        "https://bandcamp.com/download?sitem_id=500000009&enc=flac&id=1000000021&ts=1780000000 "
        "p500000003 attempt=2 last_token=1720316099:1000000021:a:1: Los Faros - Night Ferry (t=0) title=Quay"
    )
    assert redact(text) == text


def test_a_sentence_about_cookies_stays_readable() -> None:
    text = "no identity cookie: there are js_logged_in, logout"
    assert redact(text) == text


def test_the_rest_of_a_signed_address_stays() -> None:
    cut = redact(f"GET https://popplers5.bandcamp.com/download/album?enc=flac&id=7&sig={HEX}&sitem_id=5 200")
    assert cut == "GET https://popplers5.bandcamp.com/download/album?enc=flac&id=7&sig=***&sitem_id=5 200"


def test_json_stays_json_when_a_value_is_cut() -> None:
    text = json.dumps({"sig": HEX, "payment_id": 90003, "url": f"https://x/?sig={HEX}&a=1", "title": "Quay"})
    assert json.loads(redact(text)) == {
        "sig": "***",
        "payment_id": "***",
        "url": "https://x/?sig=***&a=1",
        "title": "Quay",
    }


def test_a_page_stays_a_page_when_a_value_is_cut() -> None:
    page = f'<div data-blob="{html.escape(json.dumps({"sig": HEX, "payment_id": 7, "n": 1}))}"></div>'
    cut = redact(page)
    blob = cut.removeprefix('<div data-blob="').removesuffix('"></div>')
    assert json.loads(html.unescape(blob)) == {"sig": "***", "payment_id": "***", "n": 1}


def test_a_sample_loses_e_mail_addresses_too() -> None:
    page = html.escape(json.dumps({"fan_email": "a.fan+x@example.org", "n": 1}))
    text = f'<div data-blob="{page}"> other@mail.example.co.uk logout=%7B%22username%22%3A%22me%40example.org%22%7D'
    cut = redact_sample(text)
    assert not re.search(r"example|a\.fan", cut)
    assert "data-blob" in cut and "other@mail" in redact(text)


def test_a_large_page_is_cut_in_good_time() -> None:
    page = ("&quot;title&quot;:&quot;Quay&quot;,&quot;id&quot;:71," * 20_000) + f"&quot;sig&quot;:&quot;{HEX}&quot;"
    assert HEX not in redact_sample(page)


# --- values known at run time ----------------------------------------------------------------------------------


VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=40)


@given(VALUES, st.text(max_size=30), st.sampled_from(["plain", "quote", "all", "twice", "html", "json", "unquote"]))
def test_a_registered_value_is_cut_in_every_spelling(value: str, around: str, spelling: str) -> None:
    register_secret(value)
    spelled = {
        "plain": value,
        "quote": quote(value),
        "all": quote(value, safe=""),
        "twice": twice(value),
        "html": html.escape(value),
        "json": json.dumps(value)[1:-1],
        "unquote": unquote(value),
    }[spelling]
    if len(spelled) >= 8:
        assert spelled not in redact(f"{around} {spelled} {around}").replace("***", "\x00")


def test_a_registered_identity_is_cut_in_pieces_too() -> None:
    register_secret(quote('7\tabcdefghijklmnopqrstuvwxyz\t{"id":1}', safe=""))
    assert redact("the token is abcdefghijklmnopqrstuvwxyz.") == "the token is ***."


def test_a_short_value_is_not_registered() -> None:
    register_secret("1")
    register_secret("")
    assert redact("attempt 1 of 8") == "attempt 1 of 8"


# --- the type --------------------------------------------------------------------------------------------------


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2hunter2")
    assert secret.reveal() == "hunter2hunter2"
    assert {str(secret), repr(secret), f"{secret}", f"{[secret]}", "%s" % secret} == {"***", "[***]"}  # noqa: UP031


def test_secrets_compare_by_value_and_are_not_pickled() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") and not Secret("")
    with pytest.raises(TypeError):
        pickle.dumps(Secret("a"))
