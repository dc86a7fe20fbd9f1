"""Invented names: pleasant ones for the demo, plenty for a big collection, nasty ones for tests."""

import random

FIRST = (
    "Velvet", "Northern", "Paper", "Silver", "Hollow", "Copper", "Quiet", "Amber", "Distant",
    "Salt", "Marble", "Winter", "Low", "Glass", "Saffron", "Ember", "Coastal", "Lunar", "Wild",
    "Second",
)  # fmt: skip
SECOND = (
    "Harbour", "Orchard", "Lanterns", "Foxes", "Meridian", "Cartographers", "Weather", "Pines",
    "Signals", "Parade", "Observatory", "Gardens", "Tides", "Machines", "Letters", "Atlas",
    "Swallows", "Radio", "Engines", "Choir",
)  # fmt: skip
THINGS = (
    "Ferry", "Lighthouse", "Quay", "Rooftop", "Snowfall", "Compass", "Kitchen", "Thunder",
    "Satellite", "Postcard", "Corridor", "Meadow", "Tunnel", "Balcony", "Mirror", "Bicycle",
    "Staircase", "Horizon", "Umbrella", "Carousel", "Window", "Fountain", "Station", "Almanac",
)  # fmt: skip
MOODS = (
    "Night", "Slow", "Last", "First", "Borrowed", "Golden", "Empty", "Electric", "Sunday",
    "Faraway", "Gentle", "Broken", "Hidden", "Summer", "Paper", "Blue", "Early", "Long",
)  # fmt: skip

#: Artist, album and track titles of the demo, in the order in which they were bought.
DEMO: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Los Faros", "Night Ferry", ("Quay", "Lantern Row", "Open Water", "The Far Shore")),
    ("Maren Holt", "Letters to the Tide", ("Salt", "Undertow", "Driftwood", "Spring Tide")),
    ("Ostkai", "Kranich", ("Aufwind", "Schilf", "Heimkehr")),
    ("The Paper Observatory", "Small Constellations", ("Ursa", "Lyra", "Cygnus", "Dawn")),
    ("Saffron Radio", "Rooftop Season", ("Heatwave", "Antenna", "Clotheslines")),
    ("Ines Valadão", "Jardim de Inverno", ("Vidro", "Sombra", "Limoeiro")),
    ("Low Gardens", "Moss Almanac", ("January", "Fernlight", "Slow Rain", "Lichen", "Thaw")),
    ("Copper Swallows", "Return Flight", ("Departure", "Headwind", "Eaves")),
    ("Yuki & the Trains", "Snow Country Express", ("Platform Two", "Tunnel", "Quiet Car")),
    ("Amber Meridian", "Glass Hours", ("Ten Past Nine", "Noon", "Afterglow")),
    ("Distant Orchard", "Windfalls", ("Ladder", "Cider", "October Light")),
    ("Halden Brothers", "Timber & Tin", ("Sawmill", "Tin Roof", "River Road", "Ashes")),
    ("Lunar Parade", "Streetlamp Waltz", ("One Two Three", "Confetti", "Going Home")),
    ("Nora Quill", "Unsent Postcards", ("Lisbon", "Trieste", "Gdańsk")),
)

#: What the gallery, of which screenshots are taken, has besides: artist and title.
GALLERY: tuple[tuple[str, str], ...] = (
    ("Harbour Machines", "Cranes at Five"),
    ("Tove Almqvist", "Sommarlov"),
    ("The Night Gardeners", "Perennials"),
    ("Kaito Mori", "Paper Lantern Suite"),
    ("Glasshouse Choir", "Panes"),
    ("Desmond & Faye", "Kitchen Radio"),
    ("Rio Lento", "Barco de Papel"),
    ("Signal Orchard", "Carrier Waves"),
    ("Anouk Verhoeven", "Polder"),
    ("Second Weather", "Barometer"),
    ("Quiet Engines", "Idle Hours"),
    ("Marble Swallows", "Statuary"),
    ("Elio Ferrante", "Cartoline"),
    ("Winter Atlas", "Contour Lines"),
    ("Low Tide Parade", "Rockpools"),
    ("Ember Cartographers", "Here Be Foxes"),
    ("Oda Lindqvist", "Tolv Hus"),
    ("The Umbrella Department", "Lost Property"),
    ("Saltmarsh Trio", "Reedbed Variations"),
    ("Velvet Compass", "True North"),
    ("Mina Okafor", "Harmattan"),
    ("Carousel Weather", "Organ Music for Rain"),
    ("Northern Letters", "Airmail"),
    ("Ruben Castellanos", "Azoteas"),
)

#: (artist, title) pairs that break naive file names. None stands for a null in the answer.
NASTY: tuple[tuple[str | None, str | None], ...] = (
    ("AC/DC", "Back/Forth"),
    ("..", "Up One Level"),
    (".", "Here"),
    ("CON", "aux.txt"),
    ("Trailing Dots...", "And Spaces   "),
    ("  Leading Spaces", ".hidden"),
    ("L" * 300, "T" * 300),
    ("長" * 60, "夜" * 60),
    ("שלום \u200f(live)\u200f", "\u202eevil\u202c gnp.exe"),
    ("Line\nBreak", "Carriage\r\nReturn\tTab"),
    ("Café Zoë", "Über"),
    ("Cafe\u0301 Zoe\u0308", "U\u0308ber"),
    ("Twice Sold", "Same Name"),
    ("Twice Sold", "Same Name"),
    ("Punctuation", "???!!!...***"),
    ("Case Clash", "mixed Case"),
    ("CASE CLASH", "Mixed case"),
    (None, "Title Without A Seller"),
    ("Simon &amp; Friends", "Salt &amp; Pepper"),
    ('Quo"te <b>Bold</b>', 'A: "B" | C*? \\ D'),
    ("Zero\u200bWidth\u00a0Space", "🎧 Emoji 👩‍👩‍👧 Family"),
    ("Percent 100%", "[Brackets] %(title)s {braces} $HOME `id`"),
    ("NUL.", "com1"),
    ("~", "-rf"),
    ("Dash - Artist", "Album - With - Dashes"),
)


def artist_name(index: int) -> str:
    """The name of the `index`-th band: two words, four hundred of them before a number is added."""
    first = FIRST[index % len(FIRST)]
    second = SECOND[(index // len(FIRST) + index * 7) % len(SECOND)]
    turn = index // (len(FIRST) * len(SECOND))
    return f"{first} {second}" + (f" {turn + 1}" if turn else "")


def phrase(dice: random.Random) -> str:
    """A title of two words."""
    return f"{dice.choice(MOODS)} {dice.choice(THINGS)}"


def track_titles(dice: random.Random, count: int) -> list[str]:
    """`count` different track titles."""
    return [f"{dice.choice(MOODS)} {thing}" for thing in dice.sample(THINGS, count)]
