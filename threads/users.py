"""Firebase Authentication: the users who sign in to the app with Threads, and what they sign in with.

A custom token is signed with a service account's key. The functions have no such key on Google Cloud: their
own service account asks IAM to sign, for which it needs the role ``roles/iam.serviceAccountTokenCreator`` on
itself, and the project the API ``iamcredentials.googleapis.com``.

Source: https://firebase.google.com/docs/auth/admin/create-custom-tokens
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from threads.errors import Forbidden, ServiceUnavailable
from threads.wire import Secret

if TYPE_CHECKING:
    from firebase_admin import App


class FirebaseUsers:
    """Users of Firebase Authentication."""

    def __init__(self, firebase_app: Callable[[], "App"]) -> None:
        """Take what returns the Firebase app."""
        self._firebase_app = firebase_app

    def save(self, uid: str, *, display_name: str, photo_url: str | None) -> None:
        """Create a user, or update the one there is; a photo that Firebase does not take is left out.

        Raises:
            Forbidden: somebody has disabled this user, who stays as they are.
            ServiceUnavailable: Firebase does not do it.

        """
        from firebase_admin.exceptions import InvalidArgumentError  # noqa: PLC0415 - heavy

        with _firebase_troubles():
            try:
                self._save(uid, display_name, photo_url)
            except (ValueError, InvalidArgumentError):
                self._save(uid, display_name, None)

    def custom_token(self, uid: str) -> Secret:
        """Return what a browser signs in with as this user, within an hour.

        Raises:
            ServiceUnavailable: nobody signs it; on Google Cloud mostly because the role is missing.

        """
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        with _firebase_troubles():
            return Secret(auth.create_custom_token(uid, app=app).decode())

    def forget(self, uid: str, *, is_needed: bool) -> None:
        """Delete a user who signs in with Threads; there may be none.

        One that is needed stays, without name and picture, and so does one with another way to sign in.

        Raises:
            ServiceUnavailable: Firebase does not do it.

        """
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        with _firebase_troubles(), suppress(auth.UserNotFoundError):
            if is_needed or auth.get_user(uid, app=app).provider_data:
                nothing = auth.DELETE_ATTRIBUTE
                auth.update_user(uid, display_name=nothing, photo_url=nothing, app=app)
            else:
                auth.delete_user(uid, app=app)

    def _save(self, uid: str, display_name: str, photo_url: str | None) -> None:
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        try:
            user = auth.get_user(uid, app=app)
        except auth.UserNotFoundError:
            with suppress(auth.UidAlreadyExistsError):  # another window of the same person was quicker
                auth.create_user(uid=uid, display_name=display_name, photo_url=photo_url, app=app)
            return
        if user.disabled:
            raise Forbidden("This user has been disabled, and cannot sign in.")
        photo = photo_url or auth.DELETE_ATTRIBUTE
        auth.update_user(uid, display_name=display_name, photo_url=photo, app=app)


def uid_of(account_id: str) -> str:
    """Return the user who signs in with an account."""
    return f"threads:{account_id}"


@contextmanager
def _firebase_troubles() -> Iterator[None]:
    """Turn Firebase's troubles into ours: their texts may hold URLs and answers."""
    from firebase_admin.exceptions import FirebaseError  # noqa: PLC0415 - heavy
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - heavy

    try:
        yield
    except (FirebaseError, GoogleAuthError, ValueError) as error:
        raise ServiceUnavailable from error
