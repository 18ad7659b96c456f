"""Rules and arithmetic of limits."""

from datetime import UTC, datetime, timedelta

import pytest

from tokenpair.core import limits
from tokenpair.core.limits import LimitName, Refused, key_of, network_of
from tokenpair.core.one_time import Purpose

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_limits_are_the_documented_ones() -> None:
    known = {
        each.name: (each.count, each.period)
        for each in vars(limits).values()
        if isinstance(each, limits.Limit)
    }
    minute, hour = timedelta(minutes=1), timedelta(hours=1)

    assert known == {
        LimitName.PASSWORD: (5, minute),
        LimitName.PASSWORD_ADDRESS: (30, minute),
        LimitName.PASSWORD_IN_A_ROW: (100, timedelta(days=30)),
        LimitName.SIGN_UP: (20, hour),
        LimitName.FORGOTTEN: (3, hour),
        LimitName.FORGOTTEN_ACCOUNT: (10, timedelta(days=1)),
        LimitName.FORGOTTEN_ADDRESS: (10, hour),
        LimitName.VERIFICATION: (3, hour),
        LimitName.MAIL_TOKEN: (10, minute),
    }
    assert known.keys() == set(LimitName)


def test_the_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [limits.PASSWORD_IN_A_ROW.wait_after(used) for used in (99, 100, 101, 109, 110, 999)]

    seconds = [each.total_seconds() if each else None for each in waits]
    assert seconds == [None, 1, 2, 512, 900, 900]


def test_a_reset_that_is_left_out_follows_a_mail_with_a_valid_link() -> None:
    longest = max(limits.FORGOTTEN_ACCOUNT.waits)

    assert longest <= Purpose.RESET_PASSWORD.lifetime / 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "?"),
        ("192.0.2.999", "?"),
        ("a:b", "?"),
        ("[", "?"),
        ("٣.1.1.1", "?"),
        (None, None),
        ("", None),
    ],
)
def test_a_client_is_an_address_or_a_network(address: str | None, network: str | None) -> None:
    assert network_of(address) == network


def test_a_key_shows_nothing_and_belongs_to_its_parts_alone() -> None:
    keys = [
        key_of(LimitName.PASSWORD, "ada@example.com", "192.0.2.1"),
        key_of(LimitName.PASSWORD, "ada@example.com192.0.2.1"),
        key_of(LimitName.PASSWORD, "ada@example.com1", "92.0.2.1"),
        key_of(LimitName.PASSWORD, "ada@example.com", "192.0.2.1", ""),
        key_of(LimitName.SIGN_UP, "ada@example.com", "192.0.2.1"),
        key_of(LimitName.PASSWORD, "\ud800"),
    ]

    assert len(set(keys)) == len(keys)
    assert {len(each) for each in keys} == {32}
    assert b"ada" not in b"".join(keys)


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(seconds=60), 60),
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=59, microseconds=1), 60),
        (timedelta(0), 1),
        (timedelta(seconds=-5), 1),
    ],
    ids=str,
)
def test_the_wait_is_in_whole_seconds_and_long_enough(left: timedelta, seconds: int) -> None:
    assert Refused(limit=LimitName.SIGN_UP, until=NOW + left).seconds(NOW) == seconds
