from tokenpair.core.accounts.events import ProfileChanged
from tokenpair.core.events import Event
from tokenpair.flows.accounts.profile import UpdateProfile
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.testing import a_user, make_auth


async def test_a_changed_profile_is_recorded_with_it() -> None:
    auth = make_auth()
    user = await a_user(auth)
    told: list[Event] = []
    storage = OpenStorage(auth.storage, Lifecycle(development=True), notify=told.append)

    await UpdateProfile(storage=storage)(user.id, {"nickname": "Ada"})

    assert told == [ProfileChanged(user_id=user.id)]
