"""Origins of pages, as browsers write them in the header `Origin` (RFC 6454 §6.2)."""

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(text: str) -> str:
    """Return an origin in the form of browsers: in lower case, without the scheme's default port.

    Raises `ValueError`, whose text goes on from the name of the value, and does not quote it.
    """
    if "*" in text:
        raise ValueError("must not contain *, because cookies are sent along: list each origin")
    parts = urlsplit(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be ASCII without spaces; write other host names in punycode (xn--…)")
    # Shells of native apps and extensions have schemes of their own, such as capacitor.
    if not parts.scheme or not parts.hostname:
        raise ValueError("must be origins such as https://app.example.com")
    if parts.path or "?" in text or "#" in text or "@" in parts.netloc:
        raise ValueError("must be origins: scheme, host and port only, without a slash at the end")
    return origin_of(text)


def origin_of(base_url: str) -> str:
    """Return the origin of the pages below a base URL. Raises `ValueError` for an invalid port."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_default = parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}
    return f"{parts.scheme}://{host}" + ("" if is_default else f":{parts.port}")
