"""The rules of a base URL, to which paths and fragments are added."""

from urllib.parse import urlsplit


def parse_base_url(text: str) -> str:
    """Return an http or https URL without its last slash.

    Raises `ValueError`, whose text goes on from the name of the value, and does not quote it.
    """
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if " " in text:
        raise ValueError("must not contain spaces")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if "?" in text or "#" in text or "@" in parts.netloc:
        raise ValueError("must be a URL without user, query or fragment")
    return text.rstrip("/")
