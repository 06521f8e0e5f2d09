"""Firebase Authentication: who is still a user, the users who sign in with Threads, and their custom tokens.

A custom token is signed with a service account's key. On Google Cloud the functions have no such key: they
ask IAM to sign. For that, their service account needs the role ``roles/iam.serviceAccountTokenCreator`` on
itself, and the project needs the API ``iamcredentials.googleapis.com``.

Source: https://firebase.google.com/docs/auth/admin/create-custom-tokens
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from threads.base.errors import Forbidden, ServiceUnavailable
from threads.base.secret import Secret

if TYPE_CHECKING:
    from firebase_admin import App


class Users(Protocol):
    """Where the app's users are stored. ``FirebaseUsers`` is the real one, and documents each method."""

    def save(self, uid: str, *, display_name: str, photo_url: str | None) -> None:
        """Create a user, or update an existing one."""

    def custom_token(self, uid: str) -> Secret:
        """Return a token with which a browser signs in as this user."""

    def forget(self, uid: str, *, is_needed: bool) -> None:
        """Delete a user. If the user is needed, delete only the name and the picture."""

    def is_gone(self, uid: str) -> bool:
        """Return whether a user was deleted or disabled."""


class FirebaseUsers:
    """Users of Firebase Authentication."""

    def __init__(self, firebase_app: Callable[[], "App"]) -> None:
        """Take a function that returns the Firebase app."""
        self._firebase_app = firebase_app

    def save(self, uid: str, *, display_name: str, photo_url: str | None) -> None:
        """Create a user, or update an existing one. A photo that Firebase refuses is left out.

        Raises:
            Forbidden: this user is disabled. Nothing is changed.
            ServiceUnavailable: Firebase failed, or did not answer.

        """
        from firebase_admin.exceptions import InvalidArgumentError  # noqa: PLC0415 - heavy

        with _firebase_errors():
            try:
                self._save(uid, display_name, photo_url)
            except (ValueError, InvalidArgumentError):
                self._save(uid, display_name, None)

    def custom_token(self, uid: str) -> Secret:
        """Return a token with which a browser signs in as this user. It is valid for an hour.

        Raises:
            ServiceUnavailable: the token could not be signed; on Google Cloud, usually the role is missing.

        """
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        with _firebase_errors():
            return Secret(auth.create_custom_token(uid, app=app).decode())

    def forget(self, uid: str, *, is_needed: bool) -> None:
        """Delete a user who signs in with Threads, if the user exists.

        A user who is needed stays, without name and picture. So does a user who can sign in another way.

        Raises:
            ServiceUnavailable: Firebase failed, or did not answer.

        """
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        with _firebase_errors(), suppress(auth.UserNotFoundError):
            if is_needed or auth.get_user(uid, app=app).provider_data:
                nothing = auth.DELETE_ATTRIBUTE
                auth.update_user(uid, display_name=nothing, photo_url=nothing, app=app)
            else:
                auth.delete_user(uid, app=app)

    def is_gone(self, uid: str) -> bool:
        """Return whether a user was deleted or disabled. One call.

        Users of a tenant are not found: Identity Platform keeps them apart.

        Raises:
            ServiceUnavailable: Firebase failed, did not answer, or does not let this service account ask.

        """
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        with _firebase_errors():
            try:
                return bool(auth.get_user(uid, app=app).disabled)
            except auth.UserNotFoundError:
                return True

    def _save(self, uid: str, display_name: str, photo_url: str | None) -> None:
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        try:
            user = auth.get_user(uid, app=app)
        except auth.UserNotFoundError:
            with suppress(auth.UidAlreadyExistsError):  # another window of the same person came first
                auth.create_user(uid=uid, display_name=display_name, photo_url=photo_url, app=app)
            return
        if user.disabled:
            raise Forbidden("This user has been disabled, and cannot sign in.")
        photo = photo_url or auth.DELETE_ATTRIBUTE
        auth.update_user(uid, display_name=display_name, photo_url=photo, app=app)


def uid_of(account_id: str) -> str:
    """Return the uid of the user who signs in with an account."""
    return f"threads:{account_id}"


@contextmanager
def _firebase_errors() -> Iterator[None]:
    """Turn Firebase's errors into ours, because their texts may hold URLs and answers."""
    from firebase_admin.exceptions import FirebaseError  # noqa: PLC0415 - heavy
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - heavy

    try:
        yield
    except (FirebaseError, GoogleAuthError, ValueError) as error:
        raise ServiceUnavailable from error
