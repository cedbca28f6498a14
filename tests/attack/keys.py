"""Keys, links and half-finished ways: attacks come through doors that no guess opens."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.test import Client as Browser
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from bookings.actions import invitations
from bookings.actions.importing import keep_draft
from bookings.actions.opt_out import stop_key
from bookings.models import ImportDraft
from bookings.reports.tables import TABLES
from services import versions
from spa import demo_mail
from tests.bookings.access_world import World
from tests.bookings.client_pages import hold
from tests.bookings.conftest import NOW, at
from tests.bookings.second_factors import put_lock_on
from tests.bookings.staff_pages import PASSWORD, browser_of

METRICS_KEY = "a-key"
MAIL_SECRET = "postmark:river-stone"
VISITS = "name,email,treatment,date,time\nZoe,z@example.com,Massage,2026-12-24,10:15\n"
Door = tuple[str, str, str, dict[str, str]]


class Keys:
    """People beside the world's roles, by name, and the doors that they can open.

    The visitor holds a time, Lara is an owner with second factors who has just shown them, she is
    halfway in where one is asked for, the coder has asked for a code by mail, and the newcomer has
    no password yet.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.lara = _owner("Lara")
        put_lock_on(self.lara)
        self.key = Authenticator.objects.create(
            user=self.lara, type=Authenticator.Type.WEBAUTHN, data=passkey()
        )
        self.newcomer = _owner("Nina")
        self.newcomer.set_unusable_password()
        self.newcomer.save()
        self.browsers: dict[str, Browser] = {}
        self.people: dict[str, Callable[[], Browser]] = {
            "visitor": self._visitor,
            "lara": lambda: recently(self.lara),
            "halfway": self._halfway,
            "coder": self._coder,
            "newcomer": lambda: recently(self.newcomer),
            "owner": lambda: recently(self.world.users["olive"]),
        }

    def browser(self, who: str) -> Browser:
        """The browser of ``who``; she goes her way once."""
        if who not in self.browsers:
            self.browsers[who] = self.people[who]()
        return self.browsers[who]

    def _visitor(self) -> Browser:
        browser = Browser()
        hold(browser, self.world.visit.service, at(14, days=2))
        return browser

    def _halfway(self) -> Browser:
        browser = Browser()
        browser.post("/accounts/login/", {"login": self.lara.email, "password": PASSWORD})
        return browser

    def _coder(self) -> Browser:
        browser = Browser()
        browser.post("/accounts/login/code/", {"email": self.world.users["dana"].email})
        return browser

    def doors(self) -> Iterator[Door]:
        """Route, who, address and headers."""
        yield from self._doors_of_clients()
        yield from self._doors_of_logins()
        yield from self._doors_of_owners()
        yield from self._doors_of_machines()

    def _doors_of_clients(self) -> Iterator[Door]:
        for page in ("health", "details"):
            route = f"book/<slug:slug>/{page}/"
            yield route, "visitor", f"/book/{self.world.visit.service.slug}/{page}/", {}
        yield "mail/stop/<str:token>/", "cleo", f"/mail/stop/{stop_key(self.world.visit)}/", {}
        photo = Path(settings.MEDIA_ROOT, "services", "a.txt")
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_text("A photo")
        yield "media/services/<path:path>", "nobody", "/media/services/a.txt", {}

    def _doors_of_logins(self) -> Iterator[Door]:
        invited = _owner("Ina")
        key = invitations.invite(user=invited, by=self.world.users["olive"], now=NOW)
        yield "accounts/welcome/<str:key>/", "nobody", f"/accounts/welcome/{key}/", {}
        yield "accounts/password/set/", "newcomer", "/accounts/password/set/", {}
        yield "accounts/login/code/confirm/", "coder", "/accounts/login/code/confirm/", {}
        factor = "accounts/2fa/"
        yield f"{factor}authenticate/", "halfway", f"/{factor}authenticate/", {}
        yield f"{factor}totp/activate/", "owner", f"/{factor}totp/activate/", {}
        for page in (
            "reauthenticate/",
            "totp/deactivate/",
            "recovery-codes/",
            "recovery-codes/generate/",
            "recovery-codes/download/",
            "webauthn/add/",
            "webauthn/reauthenticate/",
        ):
            yield factor + page, "lara", f"/{factor}{page}", {}
        yield f"{factor}webauthn/login/", "nobody", f"/{factor}webauthn/login/", {}
        for page in ("remove", "edit"):
            route = f"{factor}webauthn/keys/<int:pk>/{page}/"
            yield route, "lara", f"/{factor}webauthn/keys/{self.key.pk}/{page}/", {}
        dana = self.world.users["dana"]
        Browser().post("/accounts/login/", {"login": dana.email, "password": PASSWORD})
        session = UserSession.objects.filter(user=dana).latest("pk")
        route = "accounts/sessions/<int:pk>/end/"
        yield route, "dana", f"/accounts/sessions/{session.pk}/end/", {}

    def _doors_of_owners(self) -> Iterator[Door]:
        olive = self.world.users["olive"]
        for kind, text in (("clients", "name,email\nZoe,z@example.com\n"), ("visits", VISITS)):
            draft = keep_draft(
                kind=kind,
                name="a.csv",
                text=text,
                send_mail=False,
                against_rules=False,
                by=olive,
                now=NOW,
            )
            yield (
                "admin/transfer/check/<int:pk>/",
                "olive",
                f"/admin/transfer/check/{draft.pk}/",
                {},
            )
            yield "admin/transfer/<slug:kind>/", "olive", f"/admin/transfer/{kind}/", {}
            yield "admin/transfer/<slug:kind>.csv", "olive", f"/admin/transfer/{kind}.csv", {}
        assert len(ImportDraft.Kind) == 2
        address = f"/admin/reports/{next(iter(TABLES))}.csv"
        yield "admin/reports/<str:name>.csv", "olive", address, {}
        service = self.world.visit.service
        versions.record_as_found(service)
        version = versions.versions_of(service).latest("pk")
        yield (
            "admin/services/service/<int:pk>/return/<int:version>/",
            "olive",
            f"/admin/services/service/{service.pk}/return/{version.pk}/",
            {},
        )
        yield (
            "admin/r/<path:content_type_id>/<path:object_id>/",
            "olive",
            f"/admin/r/{ContentType.objects.get_for_model(service).pk}/{service.pk}/",
            {},
        )
        withdraw = "admin/services/service/withdraw/"
        yield withdraw, "olive", f"/{withdraw}?ids={service.pk}", {}
        yield "admin/logout/", "olive", "/admin/logout/", {}

    def _doors_of_machines(self) -> Iterator[Door]:
        yield "metrics", "nobody", "/metrics", {"Authorization": f"Bearer {METRICS_KEY}"}
        signed = base64.b64encode(MAIL_SECRET.encode()).decode()
        yield (
            "mail/news/<slug:provider>/",
            "nobody",
            "/mail/news/postmark/",
            {"Authorization": f"Basic {signed}"},
        )
        letter = EmailMultiAlternatives("Your visit", "Come in", to=["zoe@example.com"])
        letter.attach_alternative("<html><head></head><body>Come in</body></html>", "text/html")
        letter.attach("visit.ics", "BEGIN:VCALENDAR", "text/calendar")
        letter.send()
        name = letter_with_file()
        route = "demo/mail/<str:name>/"
        for more, asked in (("", ""), ("html/", "html/"), ("files/<int:number>/", "files/0/")):
            yield route + more, "nobody", f"/demo/mail/{name}/{asked}", {}


def letter_with_file() -> str:
    """The name under which the trial's mailbox keeps the letter that has a file."""
    kept = sorted(path.stem for path in Path(settings.DEMO_MAIL_DIR).glob("*.eml"))
    return next(name for name in kept if demo_mail._letter(name).attachments)


def passkey() -> dict[str, Any]:
    """What is kept of a passkey; nobody has its private half."""
    public = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential = AttestedCredentialData.create(bytes(16), b"a" * 16, public)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(bytes(32), flags, 0, credential)
    response = {
        "clientDataJSON": websafe_encode(b'{"type":"webauthn.create","challenge":"","origin":""}'),
        "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
    }
    key = websafe_encode(b"a" * 16)
    kept = {"id": key, "rawId": key, "type": "public-key", "response": response}
    return {"name": "Telephone", "credential": {**kept, "clientExtensionResults": {}}}


def _owner(name: str) -> User:
    user = User.objects.create_user(
        username=name.lower(),
        first_name=name,
        email=f"{name.lower()}@qi-spa.example",
        password=PASSWORD,
        is_staff=True,
    )
    user.groups.add(Group.objects.get(name="Owners"))
    return user


def recently(user: User) -> Browser:
    """A browser in which ``user`` has given her password and a second factor just now."""
    browser, request = browser_of(user), HttpRequest()
    session: Any = browser.session
    request.session = session
    record_authentication(request, user, "password")
    record_authentication(request, user, "mfa", type="totp")
    session.save()
    return browser
