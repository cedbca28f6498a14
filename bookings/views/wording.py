"""The owners' pages for the words of the messages: all kinds, one kind, and its letter."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from redis.exceptions import RedisError

from bookings import actions
from bookings.forms.wording import WordingForm
from bookings.letters import Letter, built_in_words, placeholder_values
from bookings.models import Appointment, Message, Wording, Words
from bookings.permissions import is_owner
from bookings.placeholders import DESCRIPTIONS
from bookings.proofs import NotCounted, NotTaken, TooMany, send_proof
from bookings.rendering import render_letter
from bookings.samples import (
    SHOWN_VISITS,
    sample_letter,
    sample_message,
    sample_visit,
    visits_to_show,
)
from bookings.views.framed import for_a_frame, framed
from bookings.words import moment_in_words
from services.models import Service, SpaProfile

# For as long as somebody may sit over one text.
DRAFT_LASTS = 12 * 3600
SHOWN_VERSIONS = 20


@require_safe
def every_kind(request: HttpRequest) -> HttpResponse:
    """List every kind of message with the words that hold for it."""
    _owners_only(request)
    latest = {one.kind: one for one in Wording.objects.latest_of_each().select_related("saved_by")}
    spa, now = SpaProfile.load(), timezone.now()
    visit = sample_visit(spa=spa, now=now)
    rows = []
    for kind in Message.Kind:
        own = latest.get(kind.value)
        own = own if own and not own.built_in else None
        message = sample_message(kind, visit, spa=spa, now=now)
        words = own.words if own else built_in_words(message)
        subject = sample_letter(message, spa=spa, now=now, words=words).subject
        rows.append((kind, subject, own and _whose(own)))
    return render(
        request, "admin/bookings/wording/every_kind.html", {**_around(request), "rows": rows}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, kind: str) -> HttpResponse:
    """Write, look at, try out and keep the words of one kind."""
    page = _page(request, kind)
    if request.method != "POST":
        return page.show(page.empty_form())
    if "_built_in" in request.POST:
        return page.back_to_built_in()
    form = page.filled_form()
    if form.is_valid() and "_save" in request.POST:
        return page.save(form)
    if form.is_valid() and "_test" in request.POST:
        page.send_test(form)
    return page.show(form)


@for_a_frame
@require_safe
def letter(request: HttpRequest, kind: str) -> HttpResponse:
    """Return the HTML part of the letter: of a draft, of a version, or of what holds."""
    page = _page(request, kind)
    words = _laid_down(request, request.GET.get("draft", "")) or page.words_in_force
    return framed(render_letter(page.letter(words), spa=page.spa).html)


@dataclass(frozen=True)
class _Page:
    """One kind of message, as one request looks at it."""

    request: HttpRequest
    kind: Message.Kind
    spa: SpaProfile
    user: User
    now: datetime

    @cached_property
    def latest(self) -> Wording | None:
        """The latest version, if anybody ever wrote one."""
        return Wording.latest(self.kind)

    @property
    def chosen(self) -> str:
        """The reference of the visit that the letter is to be about, if one is chosen."""
        return (self.request.POST.get("visit") or self.request.GET.get("visit") or "")[:12]

    @cached_property
    def sample(self) -> Message:
        """A message about the chosen visit, else about a made-up one."""
        reference = self.chosen.replace("\0", "")
        visit = sample_visit(spa=self.spa, now=self.now, reference=reference)
        return sample_message(self.kind, visit, spa=self.spa, now=self.now)

    @cached_property
    def words_in_force(self) -> Words:
        """What holds now."""
        if self.latest is None or self.latest.built_in:
            return built_in_words(self.sample)
        return self.latest.words

    @cached_property
    def values(self) -> dict[str, str]:
        """The placeholders of this kind with what they stand for in the sample."""
        return placeholder_values(self.sample, spa=self.spa, now=self.now)

    @property
    def url(self) -> str:
        """The address of the page."""
        return reverse("admin:bookings_wording_kind", args=[self.kind.value])

    @cached_property
    def earlier(self) -> Wording | None:
        """The version that the address asks for."""
        number = self.request.GET.get("version", "")
        if not number.isdecimal() or len(number) > 9:
            return None
        return get_object_or_404(Wording, kind=self.kind, number=int(number), built_in=False)

    def letter(self, words: Words) -> Letter:
        return sample_letter(self.sample, spa=self.spa, now=self.now, words=words)

    def empty_form(self) -> WordingForm:
        words = self.earlier.words if self.earlier else self.words_in_force
        after = self.latest.number if self.latest else 0
        return self._form(initial={**words._asdict(), "after": after})

    def filled_form(self) -> WordingForm:
        return self._form(data=self.request.POST)

    def _form(self, **given: Any) -> WordingForm:
        discreet = not self.spa.name_treatment_in_subjects
        return WordingForm(known=list(self.values), discreet=discreet, **given)

    def save(self, form: WordingForm) -> HttpResponse:
        if form.words == self.words_in_force:
            messages.info(self.request, _("Nothing has changed: these words hold already."))
            return redirect(self.url)
        after = form.cleaned_data["after"]
        try:
            actions.keep_wording(
                kind=self.kind, words=form.words, by=self.user, after=after, now=self.now
            )
        except actions.WordedMeanwhile:
            return self._told_of_others()
        messages.success(self.request, _("Saved. The next message of this kind says it so."))
        for warning in form.warnings(_treatments()):
            messages.warning(self.request, warning)
        return redirect(self.url)

    def _told_of_others(self) -> HttpResponse:
        """Keep what was typed, and let a second, knowing save follow on theirs."""
        theirs = Wording.latest(self.kind)
        typed = self.request.POST.copy()
        typed["after"] = str(theirs.number if theirs else 0)
        form = self._form(data=typed)
        if theirs is None:
            # Nobody has saved any: the number came from nowhere.
            form.add_error(None, _("That was not saved. Please save it once more."))
            return self.show(form)
        said = _(
            "%(name)s has saved other words meanwhile (%(when)s). Yours are not saved yet. Look at "
            "theirs below; save again to let yours hold. Both are kept."
        )
        who, when = _name_of(theirs.saved_by), _moment(theirs.saved_at)
        form.add_error(None, said % {"name": who, "when": when})
        return self.show(form)

    def back_to_built_in(self) -> HttpResponse:
        if self.latest is not None and not self.latest.built_in:
            try:
                actions.drop_wording(
                    kind=self.kind, by=self.user, after=self.latest.number, now=self.now
                )
            except actions.WordedMeanwhile as meanwhile:
                messages.error(self.request, meanwhile.message)
                return redirect(self.url)
        messages.success(
            self.request, _("The built-in words hold again. Yours are kept among the earlier ones.")
        )
        return redirect(self.url)

    def send_test(self, form: WordingForm) -> None:
        banner = _("This is a test. It is about no real booking, and its buttons open nothing.")
        proof = replace(self.letter(form.words), banner=banner)
        to = self.user.email
        if not to:
            messages.error(self.request, _("Your login has no e-mail address to send it to."))
            return
        try:
            send_proof(proof, to=to, spa=self.spa, key=self.user.pk)
        except TooMany:
            said = _("That was the fifth test within ten minutes. Please wait a little.")
            messages.error(self.request, said)
        except NotCounted:
            said = _("No test can be sent at the moment. What you wrote is still here.")
            messages.error(self.request, said)
        except NotTaken as trouble:
            said = _("The mail server did not take the test mail. %(reason)s")
            messages.error(self.request, said % {"reason": trouble})
        else:
            said = _("The mail server has taken the test mail. Look into the mailbox of %(to)s.")
            messages.success(self.request, said % {"to": to})

    def show(self, form: WordingForm) -> HttpResponse:
        shown = self.letter(form.typed)
        context = {
            **_around(self.request),
            "title": self.kind.label,
            "form": form,
            "page": self,
            "is_preview": "_preview" in self.request.POST,
            "letter": shown,
            "text": render_letter(shown, spa=self.spa).text,
            "frame": f"{self.url}letter/?{self._draft(form)}",
            "warnings": form.warnings(_treatments()),
            "placeholders": [
                (name, DESCRIPTIONS[name], value) for name, value in self.values.items()
            ],
            "visits": _choices(self.now),
            "whose": _whose(self.latest) if self.latest and not self.latest.built_in else "",
            "versions": self._versions(),
        }
        return render(self.request, "admin/bookings/wording/edit.html", context)

    def _versions(self) -> list[tuple[Wording, str, list[str]]]:
        """The latest versions: each with whose it is, and the fields that it changed."""
        found = Wording.objects.filter(kind=self.kind).select_related("saved_by")
        kept = list(found[: SHOWN_VERSIONS + 1])
        before = [*kept[1:], Wording(built_in=True)][: len(kept)]
        return [
            (version, _whose(version), _changed_fields(earlier, version))
            for version, earlier in zip(kept, before, strict=True)
        ][:SHOWN_VERSIONS]

    def _draft(self, form: WordingForm) -> str:
        """Lay the typed words down for the frame; what is in the address stays short."""
        token = secrets.token_urlsafe(16)
        with suppress(RedisError):
            cache.set(_draft_key(self.request, token), form.typed._asdict(), DRAFT_LASTS)
        return urlencode({"draft": token, "visit": self.chosen})


def _page(request: HttpRequest, kind: str) -> _Page:
    _owners_only(request)
    if kind not in Message.Kind.values:
        raise Http404
    assert isinstance(request.user, User)
    spa = SpaProfile.load()
    return _Page(request, Message.Kind(kind), spa, request.user, timezone.now())


def _owners_only(request: HttpRequest) -> None:
    if not is_owner(request.user):
        raise PermissionDenied


def _around(request: HttpRequest) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "opts": Wording._meta,
        "title": _("Words of the messages"),
    }


def _laid_down(request: HttpRequest, token: str) -> Words | None:
    """The draft of ``token``; none where it is gone, or Redis is."""
    with suppress(RedisError):
        draft = cache.get(_draft_key(request, token))
        return Words(**draft) if draft else None
    return None


def _draft_key(request: HttpRequest, token: str) -> str:
    # Drafts are nobody else's business; a strange token finds nothing.
    return f"wording-draft:{request.user.pk}:{token[:40].encode().hex()}"


def _treatments() -> list[str]:
    return list(Service.objects.values_list("name", flat=True))


def _choices(now: datetime) -> list[tuple[str, str]]:
    return [(visit.reference, _in_short(visit)) for visit in visits_to_show(now=now)[:SHOWN_VISITS]]


def _in_short(visit: Appointment) -> str:
    assert visit.client is not None
    return _("%(when)s, %(name)s") % {"when": _moment(visit.starts_at), "name": visit.client.name}


def _moment(at: datetime) -> str:
    return moment_in_words(timezone.localtime(at), timezone.localdate())


def _whose(version: Wording) -> str:
    return _("%(name)s, %(when)s") % {
        "name": _name_of(version.saved_by),
        "when": _moment(version.saved_at),
    }


def _changed_fields(before: Wording, after: Wording) -> list[str]:
    """The labels of what ``after`` words otherwise; none where the built-in words stand between."""
    if before.built_in or after.built_in:
        return []
    names = zip(Words._fields, before.words, after.words, strict=True)
    return [str(WordingForm.base_fields[name].label) for name, old, new in names if old != new]


def _name_of(user: User | None) -> str:
    return (user.get_full_name() or user.get_username()) if user else _("Somebody")
