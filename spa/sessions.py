"""Where sessions are kept."""

from django.contrib.sessions.backends import base, db
from django.utils.crypto import get_random_string


class SessionStore(db.SessionStore):
    """Django's sessions in the database, begun by one statement."""

    def _get_new_session_key(self) -> str:
        """Return a new key without asking first whether it is taken.

        It has 165 random bits. Were one taken all the same, its insert would be refused and
        another be tried.
        """
        return get_random_string(32, base.VALID_KEY_CHARS)
