"""The owners' own words for the messages, with every earlier version."""

from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Words(NamedTuple):
    """What one kind of message says, with placeholders; a blank line parts two paragraphs."""

    subject: str
    preheader: str
    heading: str
    greeting: str
    text: str
    below: str


class WordingQuerySet(models.QuerySet["Wording"]):
    def latest_of_each(self) -> "WordingQuerySet":
        """The version that holds for each kind that anybody has ever written for."""
        return self.order_by("kind", "-number").distinct("kind")


class Wording(models.Model):
    """One version of the words for one kind of message. The highest number holds.

    Rows are added and never changed, so who wrote what stays readable, and a return to the
    built-in words is a version like any other.
    """

    kind = models.CharField(_("kind"), max_length=20)
    number = models.PositiveIntegerField(_("version"))
    built_in = models.BooleanField(_("the built-in words"), default=False)
    subject = models.CharField(_("subject"), max_length=150, blank=True)
    preheader = models.CharField(_("preview line"), max_length=150, blank=True)
    heading = models.CharField(_("heading"), max_length=100, blank=True)
    greeting = models.CharField(_("greeting"), max_length=100, blank=True)
    text = models.TextField(_("text"), max_length=4000, blank=True)
    below = models.TextField(_("further down"), max_length=4000, blank=True)
    saved_at = models.DateTimeField(_("saved"))
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = WordingQuerySet.as_manager()

    class Meta:
        verbose_name = _("wording")
        verbose_name_plural = _("words of the messages")
        ordering = ["kind", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="wording_version_once"),
            models.CheckConstraint(
                condition=models.Q(built_in=True) | ~models.Q(subject=""),
                name="wording_has_a_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def words(self) -> Words:
        """The words of this version."""
        return Words(*(getattr(self, name) for name in Words._fields))

    @classmethod
    def latest(cls, kind: str) -> "Wording | None":
        """The version that holds for ``kind``; none where nobody ever wrote one."""
        return cls.objects.filter(kind=kind).order_by("-number").first()

    @classmethod
    def own_words(cls, kind: str) -> Words | None:
        """The owners' words for ``kind``; none where the built-in ones hold."""
        return cls.all_own_words().get(kind)

    @classmethod
    def all_own_words(cls) -> dict[str, Words]:
        """The owners' words by kind, where the built-in ones do not hold; one query."""
        latest = cls.objects.latest_of_each()
        return {one.kind: one.words for one in latest if not one.built_in}
