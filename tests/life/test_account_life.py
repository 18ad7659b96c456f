"""The whole life of accounts, in any order, against a simple model of it."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.life.machine_of_mails import Courier, MailMachine
from tests.storages import make_storage
from tokenpair import MailOptions
from tokenpair.ports import Storage
from tokenpair.testing import FakeClock, make_auth


@pytest.fixture(
    params=[
        "memory",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("sqlite", "postgres")),
    ]
)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return make_storage(request, tmp_path)


def test_an_account_lives_as_the_model_says(
    request: pytest.FixtureRequest, storage: Storage
) -> None:
    clock, courier = FakeClock(), Courier()
    auth = make_auth(storage=storage, clock=clock, mail_options=MailOptions(sender=courier))
    examples = 80 if request.config.getoption("--long") else 15
    with asyncio.Runner() as runner:
        runner.run(auth.open())
        # The machine decides when a mail is delivered, and nothing else does.
        runner.run(auth._background.stop())

        run_state_machine_as_test(
            # Any callable works, not only a class.
            lambda: MailMachine(runner, auth, clock, courier),  # type: ignore[arg-type]
            settings=settings(
                max_examples=examples,
                stateful_step_count=60,
                database=None,
                # To shrink a failure takes longer than to read it.
                phases=[Phase.generate],
            ),
        )

        runner.run(auth.close())
