from collections.abc import Awaitable, Callable

import pytest

from tokenpair import Auth, User
from tokenpair.core.accounts.events import ProfileChanged
from tokenpair.core.events import Event
from tokenpair.errors import SessionEnded
from tokenpair.flows.accounts.profile import UpdateOwnProfile, UpdateProfile
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.testing import a_user, login_as, make_auth


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "by-the-app"])
async def test_a_changed_profile_is_recorded_with_it(*, is_own: bool) -> None:
    auth = make_auth()
    user = await a_user(auth)
    claims = await auth.verify_access((await login_as(auth, user)).access_token)
    told: list[Event] = []
    storage = OpenStorage(auth.storage, Lifecycle(development=True), notify=told.append)

    if is_own:
        update = UpdateOwnProfile(storage=storage, clock=auth.clock)
        changed = await update(claims, {"nickname": "Ada"})
    else:
        changed = await UpdateProfile(storage=storage)(user.id, {"nickname": "Ada"})

    assert told == [ProfileChanged(user_id=user.id)]
    assert await auth.get_user(user.id) == changed
    assert changed.profile == {"nickname": "Ada"}


async def _end_the_session(auth: Auth, user: User) -> None:
    await auth.log_out_everywhere(user.id)


async def _disable_only(auth: Auth, user: User) -> None:
    async with auth.storage.begin() as tx:  # The sessions are left alone.
        await tx.users.set_disabled(user.id, auth.clock())


@pytest.mark.parametrize("happen", [_end_the_session, _disable_only])
async def test_ones_own_profile_needs_a_session_that_is_live_by_its_row(
    happen: Callable[[Auth, User], Awaitable[None]],
) -> None:
    """Another worker's copy of the revocations may be behind; the thief's token verifies there."""
    auth = make_auth()
    user = await a_user(auth)
    claims = await auth.verify_access((await login_as(auth, user)).access_token)
    await happen(auth, user)

    with pytest.raises(SessionEnded):
        await auth.update_own_profile(claims, {"nickname": "Eve"})

    assert (await auth.get_user(user.id)).profile == user.profile
