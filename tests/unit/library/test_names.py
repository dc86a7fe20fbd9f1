import unicodedata

import pytest
from bandcamp_sync.library.names import (
    KEY_ROOM_BYTES,
    MAX_PART_BYTES,
    album_folder,
    file_name,
    first_free_name,
    for_terminal,
    safe_part,
    same_place,
    track_file_name,
    validate_layout,
    with_key,
)
from hypothesis import example, given
from hypothesis import strategies as st
from pathvalidate import validate_filename

ANY_TEXT = st.text(st.characters(), max_size=400)
NASTY = st.lists(
    st.sampled_from(
        [
            "con",
            "NUL",
            "COM¹",
            "aux",
            "CONIN$",
            " ",
            ".",
            "..",
            "/",
            "\\",
            ":",
            "?",
            "\x00",
            "\n",
            "\u202e",
            "\u200b",
            "é",
            "́",
            "日",
            "😀",
            "👩\u200d👩\u200d👧",
            "�",
            "\xa0",
            "\uf022",
            "x" * 100,
            "日" * 90,
            "ﬁ",
            "İ",
            "-",
            '"',
        ]
    ),
    max_size=12,
).map("".join)
NAMES = ANY_TEXT | NASTY
KEY = "p500000003"


def assert_safe(part: str, max_bytes: int = MAX_PART_BYTES) -> None:
    assert 0 < len(part.encode("utf-8")) <= max_bytes
    assert len(part.encode("utf-16-le")) // 2 <= 255
    assert not set(part) & set('<>:"/\\|?*')
    assert not part.startswith((".", " ")) and not part.endswith((".", " "))
    assert unicodedata.normalize("NFC", part) == part
    assert "  " not in part
    assert {unicodedata.category(char) for char in part}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    device = part.split(".")[0].rstrip().lower()
    assert device not in {"con", "prn", "aux", "nul", "conin$", "conout$", "com1", "com¹", "lpt9", "com0"}
    validate_filename(part, platform="universal", max_len=MAX_PART_BYTES)


@given(NAMES, st.integers(16, 255))
@example("con" + "." * 300 + "x", 255)
@example("con             x", 16)
@example("console", 16)
def test_any_name_becomes_a_part_that_every_disk_accepts(name: str, max_bytes: int) -> None:
    assert_safe(safe_part(name, "fallback", max_bytes), max_bytes)


@given(NAMES, NAMES)
def test_a_safe_part_stays_as_it_is(name: str, fallback: str) -> None:
    once = safe_part(name, fallback)
    assert safe_part(once, "other") == once


@given(NAMES)
def test_composed_and_decomposed_names_give_one_part(name: str) -> None:
    forms = {safe_part(unicodedata.normalize(form, name), "x") for form in ("NFC", "NFD")}
    assert len(forms) == 1


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("AC/DC", "AC-DC"),
        ("A / B", "A - B"),
        ("Vol. 1: The End", "Vol. 1 - The End"),
        ("12:30", "12-30"),
        ('12" Mix', "12' Mix"),
        ("Who?", "Who"),
        ("!!!", "!!!"),
        ("-", "-"),
        ("Björk", "Björk"),
        ("Bjo\u0308rk", "Björk"),
        ("日本語 🎵", "日本語 🎵"),
        ("one\r\n two\t three\u00a0four", "one two three four"),
        ("\u202edesrever\u202c", "desrever"),
        ("zero\u200bwidth", "zerowidth"),
        ("...And Justice", "And Justice"),
        ("Wait...", "Wait"),
        ("con", "con_"),
        ("Aux.tar.gz", "Aux_.tar.gz"),
        ("nul .txt", "nul_.txt"),
        ("Simon &amp; Garfunkel", "Simon &amp; Garfunkel"),
        ("100% [live]", "100% [live]"),
    ],
)
def test_names_stay_readable(name: str, part: str) -> None:
    assert safe_part(name, "fallback") == part


@pytest.mark.parametrize("name", [None, "", " ", ".", "..", "???", "///", "\u200b\u200b", "\x00", ". . .", "\u3164"])
def test_a_name_with_nothing_to_show_gives_the_fallback(name: str | None) -> None:
    assert safe_part(name, KEY) == KEY


def test_a_fallback_with_nothing_to_show_gives_a_word() -> None:
    assert safe_part("??", "..") == "Untitled"


@pytest.mark.parametrize("max_bytes", [0, 15, 256])
def test_a_limit_out_of_its_range_is_refused(max_bytes: int) -> None:
    with pytest.raises(ValueError, match="between 16 and 255"):
        safe_part("a", "b", max_bytes)


def test_a_cut_parts_no_letter_from_its_accents() -> None:
    assert safe_part("x" * 253 + "q\u0307\u0323", "f") == "x" * 253
    assert safe_part("x" * 250 + "👍🏽", "f") == "x" * 250


FIELDS = st.fixed_dictionaries({"artist": NAMES, "album": NAMES, "year": NAMES, "performer": NAMES})


@given(
    FIELDS, st.sampled_from(["{artist}/{album}", "{artist} - {album} ({year})", "A/{performer}/{year}/{key} {album}"])
)
def test_an_album_folder_never_leaves_the_music_folder_and_has_room_for_its_key(
    fields: dict[str, str], layout: str
) -> None:
    folder = album_folder(layout, {**fields, "key": KEY})
    parts = folder.split("/")
    assert len(parts) == layout.count("/") + 1
    for part in parts[:-1]:
        assert_safe(part)
    assert_safe(parts[-1], MAX_PART_BYTES - KEY_ROOM_BYTES)
    assert with_key(folder, KEY) == f"{folder} [{KEY}]"
    assert_safe(with_key(folder, KEY).split("/")[-1])


def test_the_layout_decides_the_folder() -> None:
    fields = {"artist": "AC/DC", "album": "Power: Up", "year": "2020", "key": KEY, "performer": "AC/DC"}
    assert album_folder("{artist}/{album}", fields) == "AC-DC/Power - Up"
    assert album_folder("{artist}/{year} - {album} [{key}]", fields) == f"AC-DC/2020 - Power - Up [{KEY}]"


def test_a_missing_year_leaves_no_empty_brackets() -> None:
    fields = {"artist": "A", "album": "B", "key": KEY}
    assert album_folder("{artist}/{album} ({year})", fields) == "A/B"
    assert album_folder("{artist}/{year} - {album}", fields) == "A/B"
    assert album_folder("{year}/{album}", fields) == f"{KEY}/B"


def test_an_album_without_names_has_readable_ones() -> None:
    assert album_folder("{artist}/{album}", {"artist": "", "album": "???", "key": KEY}) == "Unknown Artist/Untitled"


def test_the_key_is_added_once_and_fits() -> None:
    assert with_key(f"A/B [{KEY}]", KEY) == f"A/B [{KEY}]"
    long = with_key("A/" + "日" * 85, KEY)
    assert long.endswith(f"日 [{KEY}]")
    assert_safe(long.split("/")[1])


@given(NAMES)
def test_the_same_place_is_found_in_any_case_and_form(name: str) -> None:
    part = safe_part(name, "x")
    assert same_place(part) == same_place(unicodedata.normalize("NFD", part))
    assert same_place(same_place(part)) == same_place(part)


def test_places_that_differ_in_case_alone_are_the_same() -> None:
    assert same_place("Ärzte/STRASSE") == same_place("a\u0308rzte/straße")
    assert same_place("A/B") != same_place("A/C")


@given(st.none() | st.integers(0, 9999), NAMES, st.sampled_from(["flac", ".mp3", "aiff"]))
def test_a_track_has_a_safe_name_with_its_whole_extension(number: int | None, title: str, extension: str) -> None:
    name = track_file_name(number, title, extension)
    assert_safe(name)
    assert name.endswith("." + extension.lstrip("."))
    assert not number or name.startswith(f"{number:02d} ")


def test_a_track_is_named_by_number_and_title() -> None:
    assert track_file_name(1, "Quay", "flac") == "01 Quay.flac"
    assert track_file_name(7, "Quay", ".flac", width=3) == "007 Quay.flac"
    assert track_file_name(None, "con", "flac") == "con_.flac"
    assert track_file_name(3, "", "mp3") == "03 Untitled.mp3"


@pytest.mark.parametrize("extension", ["", "a/b", "fl ac", "x" * 9, "flac\n"])
def test_an_extension_that_is_none_is_refused(extension: str) -> None:
    with pytest.raises(ValueError, match="no file extension"):
        track_file_name(1, "a", extension)


@given(st.lists(NAMES, max_size=8), st.booleans())
def test_names_of_one_album_never_collide(titles: list[str], upper: bool) -> None:
    taken: set[str] = set()
    for title in [*titles, *titles]:
        name = first_free_name(track_file_name(1, title.upper() if upper else title, "flac"), taken)
        assert same_place(name) not in {same_place(other) for other in taken}
        assert len(name.encode()) <= MAX_PART_BYTES and name.endswith(".flac")
        taken.add(name)


def test_the_second_of_a_name_is_counted() -> None:
    assert first_free_name("01 A.flac", set()) == "01 A.flac"
    assert first_free_name("01 A.flac", {"01 a.FLAC", "01 A (2).flac"}) == "01 A (3).flac"
    assert first_free_name("cover", {"cover"}) == "cover (2)"


@pytest.mark.parametrize("layout", ["{artist}/{album}", "{album}", "Bandcamp/{artist}/{year} - {album}", "{key}"])
def test_a_usable_layout_is_accepted(layout: str) -> None:
    validate_layout(layout)


@pytest.mark.parametrize(
    "layout",
    [
        "",
        "{artist}",
        "/{album}",
        "{album}/",
        "{artist}//{album}",
        "../{album}",
        "{album}/..",
        "./{album}",
        "{album",
        "album}",
        "{}",
        "{0}",
        "{foo}/{album}",
        "{album.x}",
        "{album[0]}",
        "{album!r}",
        "{album:>9}",
        "a:{album}",
        "{artist}\\{album}",
        "{{x}}{album}",
        "a\x00{album}",
        "{album}\n",
    ],
)
def test_an_unusable_layout_is_refused_with_a_sentence(layout: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        validate_layout(layout)


@given(NAMES)
def test_what_is_shown_in_a_terminal_is_one_line_of_printable_characters(text: str) -> None:
    shown = for_terminal(text)
    assert len(shown.splitlines()) <= 1
    assert all(char.isprintable() or unicodedata.category(char) in ("Co", "Cn") for char in shown)


def test_a_terminal_is_sent_no_escapes() -> None:
    assert for_terminal("a\x1b[31mred\u202e\nb\x9b2J") == "a[31mred b2J"


@pytest.mark.parametrize(
    ("entry", "name"),
    [(".flac", "Untitled.flac"), (" .Flac", "Untitled.Flac"), ("a/.mp3 ", "Untitled.mp3"), (".htaccess", "htaccess")],
)
def test_a_name_that_is_nothing_but_the_ending_of_music_keeps_it(entry: str, name: str) -> None:
    assert file_name(entry) == name
