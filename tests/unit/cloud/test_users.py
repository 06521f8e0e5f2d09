"""The app's users at Firebase: which calls are made, and what each answer means, on a made-up Firebase."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from firebase_admin import auth, exceptions
from google.auth.exceptions import RefreshError, TransportError

from tests.unit.support import ENVIRONMENT
from threads.base.errors import Forbidden, ServiceUnavailable
from threads.cloud.users import FirebaseUsers

ROOT = Path(__file__).parents[3]

UID = "threads:1"
PHOTO = "https://p.example/1.jpg"
APP: Any = SimpleNamespace(name="app")
MISSING = auth.UserNotFoundError("no such user")


def user(*, disabled: bool = False) -> Any:
    """Return a user as Firebase does."""
    return SimpleNamespace(uid=UID, disabled=disabled)


@pytest.fixture
def firebase(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Return a Firebase on which every call works."""
    calls = Mock()
    calls.get_user.return_value = calls.update_user.return_value = calls.create_user.return_value = user()
    calls.create_custom_token.return_value = b"signed"
    for name in ("get_user", "update_user", "create_user", "create_custom_token"):
        monkeypatch.setattr(auth, name, getattr(calls, name))
    return calls


def save(photo_url: str | None = PHOTO) -> None:
    """Save a user."""
    FirebaseUsers(lambda: APP).save(UID, display_name="Ada", photo_url=photo_url)


def names(firebase: Mock) -> list[str]:
    """Return the calls that were made."""
    return [call[0] for call in firebase.mock_calls]


def test_a_user_who_is_there_is_updated(firebase: Mock) -> None:
    """Asked for, and given name and photo; a photo that is gone at Threads goes here, too."""
    save()
    firebase.update_user.assert_called_once_with(UID, display_name="Ada", photo_url=PHOTO, app=APP)
    save(None)
    assert firebase.update_user.call_args.kwargs["photo_url"] is auth.DELETE_ATTRIBUTE
    assert names(firebase) == ["get_user", "update_user"] * 2


def test_a_user_who_is_new_is_created(firebase: Mock) -> None:
    """A new user is created under the uid that the account gives."""
    firebase.get_user.side_effect = MISSING
    save()
    firebase.create_user.assert_called_once_with(uid=UID, display_name="Ada", photo_url=PHOTO, app=APP)


def test_two_windows_of_one_person_make_one_user(firebase: Mock) -> None:
    """A user whom another request creates in between is there, with the same name and photo."""
    firebase.get_user.side_effect = MISSING
    firebase.create_user.side_effect = auth.UidAlreadyExistsError("there", None, None)
    save()
    assert names(firebase) == ["get_user", "create_user"]


@pytest.mark.parametrize(
    "refusal", [ValueError("photo"), exceptions.InvalidArgumentError("INVALID_PHOTO_URL")]
)
def test_a_photo_that_firebase_does_not_take_is_left_out(firebase: Mock, refusal: Exception) -> None:
    """A user signs in without a picture where firebase-admin, or Firebase itself, refuses it."""
    firebase.update_user.side_effect = [refusal, user()]
    save("not a URL")
    assert firebase.update_user.call_args.kwargs["photo_url"] is auth.DELETE_ATTRIBUTE
    firebase.get_user.side_effect = MISSING
    firebase.create_user.side_effect = [refusal, user()]
    save("not a URL")
    firebase.create_user.assert_called_with(uid=UID, display_name="Ada", photo_url=None, app=APP)


def test_firebase_admin_says_itself_what_no_photo_is() -> None:
    """The real library refuses a text without a host before it calls anybody."""
    with pytest.raises(ValueError, match="photo URL"):
        auth.update_user(UID, photo_url="not a URL", app=_real_app())


def test_a_disabled_user_may_not(firebase: Mock) -> None:
    """A user whom the app's owner has disabled gets a 403, and keeps their name."""
    firebase.get_user.return_value = user(disabled=True)
    with pytest.raises(Forbidden, match="disabled"):
        save()
    assert names(firebase) == ["get_user"]


def test_firebase_is_not_waited_for_as_long_as_a_function_may_run() -> None:
    """The service's own Firebase app gives up a call after ten seconds: its library would after 120."""
    script = "import threads.app; print(threads.app._firebase().options.get('httpTimeout'))"
    told = subprocess.run(  # noqa: S603 - this interpreter, with the line above
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **ENVIRONMENT},
        capture_output=True,
        check=True,
    )
    assert float(told.stdout) == 10


def is_gone() -> bool:
    """Ask for a user."""
    return FirebaseUsers(lambda: APP).is_gone(UID)


def test_a_user_is_gone_who_was_deleted_or_disabled(firebase: Mock) -> None:
    """One call tells."""
    assert not is_gone()
    firebase.get_user.return_value = user(disabled=True)
    assert is_gone()
    firebase.get_user.side_effect = MISSING
    assert is_gone()
    assert names(firebase) == ["get_user"] * 3


GOOGLES: list[type[Exception]] = [RefreshError, TransportError]
TROUBLES = [
    exceptions.UnavailableError("https://secret.example"),
    exceptions.PermissionDeniedError("https://secret.example"),
    exceptions.InvalidArgumentError("https://secret.example"),
    auth.UnexpectedResponseError("https://secret.example"),
    *(kind("https://secret.example") for kind in GOOGLES),
    ValueError("https://secret.example"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: type(trouble).__name__)
@pytest.mark.parametrize("act", [save, is_gone, lambda: FirebaseUsers(lambda: APP).custom_token(UID)])
def test_what_firebase_cannot_do_is_a_503(
    firebase: Mock, act: Callable[[], object], trouble: Exception
) -> None:
    """Every failure of Firebase is a 503, which tells none of its texts."""
    firebase.get_user.side_effect = firebase.create_custom_token.side_effect = trouble
    with pytest.raises(ServiceUnavailable) as failure:
        act()
    assert "secret" not in failure.value.message


def test_a_custom_token_does_not_show_itself(firebase: Mock) -> None:
    """The token is the one that Firebase signs for this user, and printing it by mistake shows nothing."""
    token = FirebaseUsers(lambda: APP).custom_token(UID)
    assert token.reveal() == "signed"
    assert "signed" not in f"{token} {token!r}"
    firebase.create_custom_token.assert_called_once_with(UID, app=APP)


def _real_app() -> Any:
    import firebase_admin  # noqa: PLC0415 - for this one test

    credential = Mock(spec=firebase_admin.credentials.Base)
    return firebase_admin.initialize_app(credential, {"projectId": "demo"}, name="test_users")
