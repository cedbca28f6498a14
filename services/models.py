"""The menu: what is offered, to whom it is safe, and the words around it."""

import hashlib
from copy import copy
from datetime import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel.numbers import list_currencies
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, StepValueValidator
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_prose_editor.fields import ProseEditorField
from phonenumber_field.modelfields import PhoneNumberField
from phonenumbers import SUPPORTED_REGIONS

from services import photos, screening
from services.cells import CELL_MINUTES
from services.memory import remembered

RICH_TEXT = {
    "Bold": True,
    "Italic": True,
    "Heading": {"levels": [2, 3]},
    "BulletList": True,
    "OrderedList": True,
    "ListItem": True,
    "Blockquote": True,
    "HardBreak": True,
    "Link": {"enableTarget": False},
    "Table": True,
    "TableRow": True,
    "TableHeader": True,
    "TableCell": True,
    "Callout": True,
}


class RichTextField(ProseEditorField):
    """Text with headings, lists, links and tables, sanitised whenever it is saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, **{"extensions": RICH_TEXT, "sanitize": True, "blank": True, **kwargs}
        )

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        # The library cleans in forms only; text from commands and imports is cleaned here.
        clean = self.sanitize(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, clean)
        return clean


class SpaProfile(models.Model):
    """The spa itself; there is exactly one row."""

    name = models.CharField(_("name"), max_length=120)
    tagline = models.CharField(_("tagline"), max_length=200, blank=True)
    address = models.TextField(_("address"))
    phone = PhoneNumberField(_("phone"))
    email = models.EmailField(_("e-mail"))
    emergency_number = models.CharField(_("emergency number"), max_length=20)
    urgent_advice_number = models.CharField(
        _("number for urgent medical advice"), max_length=20, blank=True
    )
    country = models.CharField(_("country"), max_length=2, help_text=_("Two letters, such as GB."))
    time_zone = models.CharField(_("time zone"), max_length=64)
    currency = models.CharField(_("currency"), max_length=3, default="GBP")
    story = RichTextField(_("story"))
    opening_summary = models.CharField(_("opening hours in words"), max_length=200, blank=True)
    getting_here = RichTextField(_("getting here"))

    minimum_notice_hours = models.PositiveSmallIntegerField(_("notice before booking (h)"))
    booking_horizon_days = models.PositiveSmallIntegerField(
        _("booking horizon (days)"), validators=[MinValueValidator(1), MaxValueValidator(730)]
    )
    cancellation_notice_hours = models.PositiveSmallIntegerField(_("cancellation notice (h)"))
    slot_step_minutes = models.PositiveSmallIntegerField(
        _("slot step (min)"),
        choices=[(5, "5"), (10, "10"), (15, "15"), (20, "20"), (30, "30"), (60, "60")],
        default=15,
    )
    hold_minutes = models.PositiveSmallIntegerField(
        _("hold length (min)"), default=10, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    reminder_lead_hours = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1)]),
        verbose_name=_("reminders (hours before)"),
        default=list,
        blank=True,
        help_text=_("Hours before the visit, separated by commas: 48, 3"),
    )
    health_check_valid_days = models.PositiveSmallIntegerField(
        _("health check stays valid (days)"), default=90
    )

    quiet_from = models.TimeField(
        _("quiet hours from"),
        default=time(21),
        help_text=_(
            "From then on only what answers a client at once goes out. "
            "Two equal times mean that no hour is quiet."
        ),
    )
    quiet_until = models.TimeField(_("quiet hours until"), default=time(8))
    preparation_letters = models.BooleanField(
        _("how to prepare, the day before a first visit"),
        default=True,
        help_text=_("Where the treatment has a text about it. It takes the place of a reminder."),
    )
    preparation_at = models.TimeField(_("hour of the letter on how to prepare"), default=time(10))
    aftercare_letters = models.BooleanField(
        _("a letter on the evening after the visit"),
        default=True,
        help_text=_("Where the treatment has a text about it. Clients can unsubscribe from it."),
    )
    aftercare_at = models.TimeField(
        _("hour of the letter after the visit, at the earliest"), default=time(18, 30)
    )
    answer_lead_hours = models.PositiveSmallIntegerField(
        _("ask for missing answers (hours before)"),
        default=48,
        help_text=_("Where the health questions are open, or answered too long ago. 0: never."),
    )
    clearance_after_hours = models.PositiveSmallIntegerField(
        _("ask after an open request (hours after it)"), default=24, help_text=_("0: never.")
    )
    clearance_lead_hours = models.PositiveSmallIntegerField(
        _("warn before a request runs out (hours)"), default=24, help_text=_("0: never.")
    )
    therapist_notes = models.BooleanField(_("notes to therapists on late changes"), default=True)
    late_change_hours = models.PositiveSmallIntegerField(
        _("a change is late (hours before the visit)"), default=24
    )
    therapist_sheets = models.BooleanField(
        _("day sheets for therapists"),
        default=True,
        help_text=_("On the evening before, to those who want one."),
    )
    sheets_at = models.TimeField(_("hour of the day sheets"), default=time(18))
    name_treatment_in_subjects = models.BooleanField(
        _("name the treatment in subjects and calendars"),
        default=False,
        help_text=_("Others may read along on a locked phone or in a shared calendar."),
    )

    booking_policy = RichTextField(_("booking policy"))
    privacy_policy = RichTextField(_("privacy policy"))
    accessibility_statement = RichTextField(_("accessibility statement"))
    health_consent = models.TextField(_("consent to keep health answers"))
    # Follows the words whenever they are saved: a consent is to these words and no others.
    health_consent_version = models.CharField(
        _("version of that consent"), max_length=20, editable=False
    )
    booking_consent = models.TextField(_("agreement with the booking policy"))

    # For search engines and shared links; see services.page_words.
    home_title = models.CharField(_("title: home page"), max_length=60, blank=True)
    home_description = models.CharField(_("description: home page"), max_length=160, blank=True)
    menu_title = models.CharField(_("title: list of treatments"), max_length=60, blank=True)
    menu_description = models.CharField(
        _("description: list of treatments"), max_length=160, blank=True
    )
    about_title = models.CharField(_("title: about us"), max_length=60, blank=True)
    about_description = models.CharField(_("description: about us"), max_length=160, blank=True)
    policies_title = models.CharField(_("title: policies"), max_length=60, blank=True)
    policies_description = models.CharField(_("description: policies"), max_length=160, blank=True)

    class Meta:
        verbose_name = _("spa profile")
        verbose_name_plural = _("spa profile")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="spa_profile_is_one_row"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        self.health_consent_version = hashlib.sha256(self.health_consent.encode()).hexdigest()[:16]
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.country, self.currency = self.country.upper(), self.currency.upper()
        mistakes = {}
        if self.time_zone not in available_timezones():
            mistakes["time_zone"] = _("Choose a zone such as Europe/London.")
        if self.country not in SUPPORTED_REGIONS:
            mistakes["country"] = _("Use the country's two letters, such as GB.")
        if self.currency not in list_currencies():
            mistakes["currency"] = _("Use the currency's three letters, such as GBP.")
        if mistakes:
            raise ValidationError(mistakes)

    @classmethod
    def load(cls) -> "SpaProfile":
        """Return the one row; raises ``DoesNotExist`` before the starting content is loaded."""
        profile = cls.known()
        if profile is None:
            raise cls.DoesNotExist
        return profile

    @classmethod
    def known(cls) -> "SpaProfile | None":
        """Return the one row, if it is there, from what a process remembers or from its table."""
        profile = remembered("spa", cls.objects.filter(pk=1).first)
        # Each has its own: a form changes the row that it is given.
        return copy(profile)

    @property
    def zone(self) -> ZoneInfo:
        """The spa's time zone."""
        return ZoneInfo(self.time_zone)


class Category(models.Model):
    """A heading of the menu."""

    slug = models.SlugField(_("address"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    summary = models.CharField(_("summary"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class ServiceQuerySet(models.QuerySet["Service"]):
    def published(self) -> "ServiceQuerySet":
        """Only what clients may see and book."""
        return self.filter(status=Service.Status.PUBLISHED)


class Service(models.Model):
    """A treatment, with its own page."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    class Illustration(models.TextChoices):
        LYMPH = "lymph", _("Flowing line")
        HANDS = "hands", _("Hands")
        STONES = "stones", _("Stones")
        REFLEX = "reflex", _("Foot")
        NEEDLE = "needle", _("Needle")
        LEAF = "leaf", _("Leaf")
        BREATH = "breath", _("Breath")
        FACE = "face", _("Face")

    category = models.ForeignKey(
        Category, verbose_name=_("category"), on_delete=models.PROTECT, related_name="services"
    )
    slug = models.SlugField(_("address"), unique=True, max_length=80)
    name = models.CharField(_("name"), max_length=120)
    discreet_name = models.CharField(
        _("discreet name"),
        max_length=80,
        default="Spa visit",
        help_text=_("Stands in e-mail subjects and calendars, where others may read along."),
    )
    summary = models.CharField(_("summary"), max_length=200)
    title = models.CharField(
        _("title for search engines"),
        max_length=60,
        blank=True,
        help_text=_("Left empty, the name of the treatment."),
    )
    description = models.CharField(
        _("description for search engines"),
        max_length=160,
        blank=True,
        help_text=_("Left empty, the summary."),
    )
    body = RichTextField(_("page text"))
    preparation = RichTextField(_("how to prepare"))
    aftercare = RichTextField(_("afterwards"))
    illustration = models.CharField(
        _("drawing"), max_length=20, choices=Illustration, default=Illustration.LEAF
    )
    photo = models.ImageField(_("photo"), upload_to="services/", blank=True)
    photo_alt = models.CharField(_("photo in words"), max_length=200, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.DRAFT, db_index=True
    )
    buffer_before_minutes = models.PositiveSmallIntegerField(
        _("buffer before (min)"),
        default=0,
        validators=[StepValueValidator(CELL_MINUTES), MaxValueValidator(240)],
    )
    buffer_after_minutes = models.PositiveSmallIntegerField(
        _("buffer after (min)"),
        default=15,
        validators=[StepValueValidator(CELL_MINUTES), MaxValueValidator(240)],
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    note_from_everyone = models.BooleanField(
        _("a doctor’s note from everyone"),
        default=False,
        help_text=_("Everybody books this as a request, whatever the health check says."),
    )
    contraindications: "models.ManyToManyField[Contraindication, Any]" = models.ManyToManyField(
        "Contraindication",
        verbose_name=_("contraindications"),
        related_name="services",
        blank=True,
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    # The address under which the row was read or last saved.
    _known_slug: str | None = None

    objects = ServiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("treatment")
        verbose_name_plural = _("treatments")
        ordering = ["category__position", "position", "name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._keep_old_address()

    def get_absolute_url(self) -> str:
        return reverse("services:treatment", args=[self.slug])

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Service":
        service = super().from_db(*args, **kwargs)
        service._known_slug = service.__dict__.get("slug")
        return service

    @property
    def picture(self) -> photos.Picture | None:
        """The photo in all its sizes."""
        return photos.picture_of(str(self.photo.name)) if self.photo else None

    def _keep_old_address(self) -> None:
        before = self._known_slug
        if before == self.slug:
            return
        # An address that is in use again leads to its page, not to the one that had it before.
        OldAddress.objects.filter(slug=self.slug).delete()
        if before:
            OldAddress.objects.update_or_create(slug=before, defaults={"service": self})
        self._known_slug = self.slug

    def rules_for_everyone(self) -> list[screening.Rule]:
        """What applies to all who book this treatment, without a question."""
        if not self.note_from_everyone:
            return []
        return [
            screening.Rule(
                slug="note-from-everyone",
                name=gettext("A note from your midwife or doctor"),
                question="",
                severity=screening.Severity.CLEARANCE,
                why=gettext("We ask everybody who books this treatment for one."),
                advice=gettext("It should say that this treatment is suitable for you."),
                for_everyone=True,
            )
        ]

    def clean(self) -> None:
        if self.photo and not self.photo_alt:
            raise ValidationError({"photo_alt": _("Say in a few words what the photo shows.")})


class OldAddress(models.Model):
    """An address that a treatment's page once had; it leads to the page for good.

    It names the page, not another address: so there are no chains and no circles.
    """

    slug = models.SlugField(_("address"), unique=True, max_length=80)
    service = models.ForeignKey(
        Service, verbose_name=_("treatment"), on_delete=models.CASCADE, related_name="old_addresses"
    )

    class Meta:
        verbose_name = _("old address")
        verbose_name_plural = _("old addresses")

    def __str__(self) -> str:
        return self.slug


class ServiceOption(models.Model):
    """One length of a treatment, with its price."""

    service = models.ForeignKey(
        Service, verbose_name=_("treatment"), on_delete=models.CASCADE, related_name="options"
    )
    minutes = models.PositiveSmallIntegerField(
        _("minutes"),
        validators=[StepValueValidator(CELL_MINUTES), MinValueValidator(5), MaxValueValidator(480)],
    )
    price = models.DecimalField(
        _("price"), max_digits=8, decimal_places=2, validators=[MinValueValidator(Decimal("0"))]
    )
    active = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("length and price")
        verbose_name_plural = _("lengths and prices")
        ordering = ["minutes", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "minutes"], name="service_option_one_price_per_length"
            ),
            models.CheckConstraint(
                condition=models.Q(minutes__gt=0), name="service_option_has_length"
            ),
        ]

    def __str__(self) -> str:
        return _("%(service)s, %(minutes)d minutes") % {
            "service": self.service.name,
            "minutes": self.minutes,
        }


class Contraindication(models.Model):
    """A reason for care: what is asked, how strict it is, and why.

    The starting list is a cautious synthesis of teaching schools, studies and clinics (each row
    names its sources). A clinician or the spa's insurer signs it off before it is relied upon.
    """

    class Severity(models.TextChoices):
        URGENT = screening.Severity.URGENT.value, _("Urgent: medical help, no booking")
        STOP = screening.Severity.STOP.value, _("Stop: no online booking until resolved")
        CLEARANCE = screening.Severity.CLEARANCE.value, _("Clearance: a doctor's consent first")
        ADAPT = screening.Severity.ADAPT.value, _("Adapt: the therapist adjusts the session")
        NOTE = screening.Severity.NOTE.value, _("Note: recorded only")

    class Care(models.TextChoices):
        EMERGENCY = screening.Care.EMERGENCY.value, _("Call the emergency number")
        SAME_DAY = screening.Care.SAME_DAY.value, _("Medical advice the same day")
        DOCTOR = screening.Care.DOCTOR.value, _("See a doctor before booking")

    class Group(models.TextChoices):
        RED_FLAGS = "red_flags", _("Right now, do you have any of these?")
        ACUTE = "acute", _("At the moment, do you have…")
        HEART = "heart", _("Heart, blood and circulation: do you have, or have you ever had…")
        HISTORY = (
            "history",
            _("Cancer, operations and lymph nodes: do you have, or have you ever had…"),
        )
        BODY = (
            "body",
            _("Breathing, belly, glands, kidneys, pregnancy: do you have, or might you have…"),
        )
        YOU = "you", _("Skin, allergies, medicines and you: do any of these apply?")

    class Area(models.TextChoices):
        NECK = "neck", _("neck")
        ABDOMEN = "abdomen", _("belly")
        GROIN = "groin", _("groin")
        CHEST = "chest", _("chest")
        AFFECTED_SKIN = "affected_skin", _("the affected skin")
        AFFECTED_LIMB = "affected_limb", _("the affected arm or leg")
        TREATED_AREA = "treated_area", _("the area that was treated or operated on")

    class Evidence(models.TextChoices):
        SCHOOL_OR_STUDY = "school_or_study", _("Teaching school, consensus paper or study")
        CLINIC = "clinic", _("A clinic's own page")
        GENERAL = "general", _("General knowledge")

    slug = models.SlugField(_("key"), unique=True, max_length=80)
    name = models.CharField(_("name"), max_length=120)
    group = models.CharField(_("group"), max_length=20, choices=Group)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity)
    care = models.CharField(_("advice is"), max_length=10, choices=Care, blank=True)
    question = models.CharField(
        _("question"),
        max_length=250,
        help_text=_("The words beside the tick box; they complete the group's question."),
    )
    follow_up = models.CharField(
        _("follow-up question"),
        max_length=250,
        blank=True,
        help_text=_("Asked with yes, no and not sure once the box is ticked."),
    )
    follow_up_severity = models.CharField(
        _("severity if yes or not sure"), max_length=10, choices=Severity, blank=True
    )
    follow_up_care = models.CharField(_("advice then is"), max_length=10, choices=Care, blank=True)
    detail = models.CharField(_("ask for details"), max_length=200, blank=True)
    why = models.TextField(_("why"))
    advice = models.TextField(_("advice"))
    areas = ArrayField(
        models.CharField(max_length=20, choices=Area),
        verbose_name=_("areas to avoid"),
        default=list,
        blank=True,
    )
    sources = models.TextField(_("sources"), blank=True)
    evidence = models.CharField(
        _("strongest source"), max_length=20, choices=Evidence, default=Evidence.GENERAL
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("contraindication")
        verbose_name_plural = _("contraindications")
        ordering = ["group", "position", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(follow_up="", follow_up_severity="")
                | (~models.Q(follow_up="") & ~models.Q(follow_up_severity="")),
                name="contraindication_follow_up_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if bool(self.follow_up) != bool(self.follow_up_severity):
            raise ValidationError(
                {"follow_up_severity": _("A follow-up question and its severity go together.")}
            )
        if self.follow_up_severity and not (
            screening.Severity(self.follow_up_severity).rank
            > screening.Severity(self.severity).rank
        ):
            raise ValidationError(
                {"follow_up_severity": _("This must be stricter than the first severity.")}
            )

    def rule(self) -> screening.Rule:
        """Return this row as a plain value for :mod:`services.screening`."""
        return screening.Rule(
            slug=self.slug,
            name=self.name,
            question=self.question,
            severity=screening.Severity(self.severity),
            care=screening.Care(self.care) if self.care else None,
            follow_up=self.follow_up,
            follow_up_severity=(
                screening.Severity(self.follow_up_severity) if self.follow_up_severity else None
            ),
            follow_up_care=screening.Care(self.follow_up_care) if self.follow_up_care else None,
            why=self.why,
            advice=self.advice,
            areas=tuple(self.areas),
        )


class SignOff(models.Model):
    """A clinician or insurer has read the list of contraindications and stands by it.

    ``signed`` is the list as it was then (see :mod:`services.sign_off`). Rows are only added: a
    sign-off ends with the next change of the list.
    """

    name = models.CharField(_("signed by"), max_length=120)
    profession = models.CharField(
        _("profession or role"),
        max_length=120,
        help_text=_("Such as: physiotherapist and lymphoedema practitioner; our insurer."),
    )
    signed_on = models.DateField(_("signed on"))
    note = models.TextField(_("remarks"), blank=True, max_length=2000)
    version = models.CharField(_("version of the list"), max_length=16)
    signed: Any = models.JSONField(_("the list"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("entered by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    recorded_at = models.DateTimeField(_("entered"))

    class Meta:
        verbose_name = _("sign-off")
        verbose_name_plural = _("sign-offs")
        ordering = ["-recorded_at", "-pk"]

    def __str__(self) -> str:
        return _("%(name)s, %(day)s") % {"name": self.name, "day": f"{self.signed_on:%Y-%m-%d}"}


class Faq(models.Model):
    """A question that people ask about a treatment."""

    service = models.ForeignKey(
        Service, verbose_name=_("treatment"), on_delete=models.CASCADE, related_name="faqs"
    )
    question = models.CharField(_("question"), max_length=200)
    answer = RichTextField(_("answer"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("question and answer")
        verbose_name_plural = _("questions and answers")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.question


class LoadedContent(models.Model):
    """Remembers which piece of starting content was loaded once.

    An owner's edit or deletion is thus never undone by loading again.
    """

    key = models.CharField(max_length=120, unique=True)
    loaded_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key
