import pytest

from services.dashboard.web.proxy import read_prefix


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        ("/music", "/music"),
        ("/music/", "/music"),
        ("/a/b.c/~d_e-f", "/a/b.c/~d_e-f"),
        ("/.well-known", "/.well-known"),
    ],
)
def test_a_plain_path_is_the_prefix(text: str, prefix: str) -> None:
    assert read_prefix(text) == prefix


@pytest.mark.parametrize(
    "text",
    [
        "music",
        "/",
        "//evil.example",
        "/a//b",
        "/a/../b",
        "/.",
        "/..",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\nb",
        "/a%2f",
        "/a,/b",
        '/"><script>',
        "https://evil.example/",
        "/é",
        "/" + "a" * 300,
    ],
)
def test_anything_else_is_ignored(text: str) -> None:
    assert read_prefix(text) == ""
