"""The names of all faults, with the class of requests that each usually meets.

Three families, by where they take hold: faults that replace the answer (`REPLACING`, made in
`refusals.py`), faults that change what is in it (`CONTENT`, in `mutations.py`, `pages.py`,
`listing.py` and `files.py`), and faults of the line (`LINE`, in `wire.py`).
"""

#: The whole answer is another one. Parameters in brackets.
REPLACING: dict[str, str] = {
    "challenge403": "page",  # the old refusal: Varnish, 403
    "challenge": "page",  # 200 and a script, also in place of JSON [mode: cookie|browser_only, uses: N]
    "rate_limit": "any",  # 429 [retry_after: seconds | "date:SECONDS" | null]
    "status": "any",  # any status [code, retry_after, body]
    "encoding": "file",  # 503: the file is still being made
    "withdrawn": "file",  # 403 that does not change
    "not_found": "page",  # 404
    "error_page": "file",  # 200 and HTML where a file was asked for
    "throttle_page": "file",  # the same, as a throttling page
    "expired_link": "file",  # the download page with its re-authentication block open
    "cutoff": "file",  # the download page with its cut-off block open
    "redirect_login": "page",  # 302 to the log-in page
    "redirect": "any",  # to another address [to, code]
    "garbage": "collection",  # 200, application/json, and no JSON [body]
    "empty": "any",  # 200 and nothing
    "hang": "any",  # no answer at all for [seconds], then the line is cut
    "drop": "any",  # the line is cut before the first byte
}

#: The answer has something else in it.
CONTENT: dict[str, str] = {
    "logged_out": "any",  # as if the cookie were worthless [style: error|401|403|302]
    "unverified": "page",  # the fan's e-mail address is not verified
    "no_downloads": "page",  # the download page has no `downloads`
    "no_format": "page",  # one format is missing [format]
    "null_size": "page",  # size_mb is null
    "redesign": "page",  # no pagedata and no HomepageApp
    "single_quotes": "page",  # data-blob='...'
    "rename_field": "any",  # [from, to] at any depth of the JSON
    "null_fields": "any",  # [fields] are null
    "drop_fields": "any",  # [fields] are missing
    "string_ids": "any",  # every id is a string
    "elsewhere": "any",  # addresses point at another host [to: http://host:port, fields]
    "false_more": "collection",  # more_available: false though there is more
    "no_more_field": "collection",  # no more_available
    "overshoot": "collection",  # last_token lies [by] items too far (negative: too near)
    "null_redownload": "collection",  # redownload_urls: null
    "empty_redownload": "collection",  # redownload_urls: {}
    "duplicates": "collection",  # the [count] last items of the page before come again
    "short_page": "collection",  # fewer items than asked for [count]
    "stat": "stat",  # [variant], see files.py
    "reauth": "stat",  # ExpirationError, and expired_link for files
    "ignore_range": "file",  # 200 and all of it
    "no_range_headers": "file",  # no Accept-Ranges, no ETag
    "changed_file": "file",  # a rebuilt file with another ETag; [resume_only: true]
    "damaged_audio": "file",  # sound archive, broken music [bytes]
    "no_disposition": "file",  # no Content-Disposition
}

#: The right answer, badly delivered.
LINE: dict[str, str] = {
    "truncate": "file",  # closes after [percent | bytes]
    "reset": "file",  # RST after [percent | bytes]
    "stall": "file",  # pauses for [seconds] after [percent | bytes]
    "slow": "file",  # [rate] bytes per second
    "flip_byte": "file",  # [percent | offset, where: body|entry|audio]
    "wrong_length": "file",  # Content-Length is off by [delta]
    "no_length": "file",  # [mode: close|chunked]
    "drip": "page",  # a byte each [seconds], and never an end [where: body|headers]
    "endless": "page",  # [mebibytes] that never end [gzip: true packs them, where: body|headers]
}

FAULTS: dict[str, str | tuple[str, ...]] = {
    **REPLACING,
    **CONTENT,
    **LINE,
    # These two are seen in several places at once.
    "challenge": ("page", "collection", "stat", "album_page"),
    "reauth": ("stat", "file"),
    "popplers": "file",  # [mode: direct|open|bcbits]; a mode, not counted
    "rotate": "file",  # [faults]: each key gets the next one
}

#: What `--faults every-first-download` deals out, one to each purchase in turn.
EVERY_FIRST_DOWNLOAD: list[str | dict[str, object]] = [
    {"fault": "truncate", "percent": 40},
    {"fault": "reset", "percent": 60},
    {"fault": "flip_byte", "percent": 50},
    {"fault": "stall", "percent": 30, "seconds": 3},
    {"fault": "encoding"},
    {"fault": "rate_limit", "retry_after": 1},
    {"fault": "error_page"},
    {"fault": "cutoff"},
    {"fault": "expired_link"},
    {"fault": "wrong_length", "delta": 1000},
]
