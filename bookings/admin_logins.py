"""Where owners keep those who work here: who signs in, with which address, to do what.

Somebody new is invited by mail and chooses her own password or passkey; nobody sets one for
somebody else. A login is never deleted, since past visits name it: whoever leaves is switched off.
Superusers are for superusers to change.
"""

from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bookings.actions.invitations import withdraw_invitations
from bookings.logins import LOCKS, take_locks_off
from bookings.models import Therapist
from bookings.permissions import OWNERS, STAFF
from bookings.staff import Standing, link_login, owners, standing_of, with_standing
from bookings.views import people

# Each has its place in the page about one's own login; here they would show secrets.
for model in (EmailAddress, EmailConfirmation, Authenticator, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
admin.site.unregister(User)


NEW_THERAPIST = "new"
STANDINGS = {
    Standing.INVITED: _("Invited"),
    Standing.EXPIRED: _("Invitation ran out"),
    Standing.ACTIVE: _("Works here"),
    Standing.LEFT: _("Has left"),
}


class LoginForm(ModelForm):
    """Name, address and roles of one person."""

    email = forms.EmailField(
        label=_("E-mail"),
        # It becomes the user name too, which is no longer.
        max_length=150,
        help_text=_("She signs in with it: codes, new passwords and warnings go there."),
    )
    treats_as = forms.ChoiceField(
        label=_("Treats as"),
        required=False,
        help_text=_("For those who give treatments: whose days and visits she sees."),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "groups"]
        labels = {"groups": _("Works as")}
        help_texts = {"groups": ""}
        widgets = {"groups": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_name"].required = True
        if "groups" in self.fields:
            roles = Group.objects.filter(name__in=STAFF).order_by("name")
            self.fields["groups"].queryset = roles  # type: ignore[attr-defined]
            self.fields["groups"].required = True
        if "treats_as" in self.fields:
            self._offer_therapists()

    def _offer_therapists(self) -> None:
        free = Therapist.objects.filter(Q(user=None) | Q(user_id=self.instance.pk))
        rows = list(free.values_list("pk", "name", "user_id"))
        self.fields["treats_as"].choices = [  # type: ignore[attr-defined]
            ("", _("Gives no treatments")),
            *((str(pk), name) for pk, name, _user in rows),
            (NEW_THERAPIST, _("Somebody new in the diary")),
        ]
        hers = next((pk for pk, _name, user in rows if user and user == self.instance.pk), "")
        self.initial["treats_as"] = str(hers)

    def clean_email(self) -> str:
        """One address, one login: else a code would open somebody else's."""
        email = str(self.cleaned_data["email"]).lower()
        known = Q(email__iexact=email) | Q(username__iexact=email) | Q(emailaddress__email=email)
        other = User.objects.filter(known).exclude(pk=self.instance.pk).first()
        if other is None:
            return email
        words = {"name": other.get_full_name() or other.get_username()}
        if other.is_active:
            raise forms.ValidationError(_("%(name)s has this address already.") % words)
        raise forms.ValidationError(
            _("%(name)s, who has left, has this address: open her page and let her come back.")
            % words
        )

    def clean_groups(self) -> Any:
        """Somebody must remain who may change anything."""
        groups = self.cleaned_data["groups"]
        # Two owners who lower each other at once must not both succeed.
        list(owners().order_by("pk").select_for_update(no_key=True))
        stays = self.instance.is_superuser or any(group.name == OWNERS for group in groups)
        hers = owners().filter(pk=self.instance.pk)
        if stays or not hers.exists() or owners().exclude(pk=self.instance.pk).exists():
            return groups
        raise forms.ValidationError(_("This is the last owner. Make somebody else an owner first."))


@admin.register(User)
class LoginAdmin(UserAdmin):
    """Who signs in."""

    form = add_form = LoginForm
    # Django's speaks of a password.
    add_form_template = None
    list_display = ["name", "email", "works_as", "standing", "second_lock", "last_login"]
    list_filter = ["is_active", "groups"]
    search_fields = ["first_name", "last_name", "email", "username"]
    ordering = ["first_name", "username"]
    filter_horizontal = []
    readonly_fields = ["standing", "last_login"]
    actions = ["take_second_lock_off"]
    add_fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "groups", "treats_as"]}),
    ]
    fieldsets = [
        *add_fieldsets,
        (_("How she stands"), {"fields": ["standing", "last_login"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        if not request.user.is_superuser:
            rows = rows.filter(is_superuser=False)
        locks = Authenticator.objects.filter(user_id=OuterRef("pk"), type__in=LOCKS)
        return with_standing(rows, now=timezone.now()).annotate(locked=Exists(locks))

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        own = [
            path("<int:pk>/invite/", guarded(people.invite_again), name="auth_user_invite"),
            path("<int:pk>/withdraw/", guarded(people.withdraw), name="auth_user_withdraw"),
            path("<int:pk>/leave/", guarded(people.leave), name="auth_user_leave"),
            path("<int:pk>/return/", guarded(people.come_back), name="auth_user_return"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"list_title": _("People who work here"), **(extra_context or {})}
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": _("Invite somebody")}
        return super().add_view(request, form_url, {**title, **(extra_context or {})})

    @admin.display(description=_("name"), ordering="first_name")
    def name(self, user: User) -> str:
        """As she is called."""
        return user.get_full_name() or user.get_username()

    @admin.display(description=_("works as"))
    def works_as(self, user: User) -> str:
        """Her roles."""
        return ", ".join(sorted(group.name for group in user.groups.all()))

    @admin.display(description=_("state"))
    def standing(self, user: User) -> str:
        """Whether she is invited, works here, or has left."""
        return str(STANDINGS[standing_of(user)]) if user.pk else ""

    @admin.display(description=_("second lock"), boolean=True, ordering="locked")
    def second_lock(self, user: Any) -> bool:
        """Whether she has a passkey or an app."""
        return bool(user.locked)

    @admin.action(description=_("Take the second lock off (a lost phone)"), permissions=["change"])
    def take_second_lock_off(self, request: HttpRequest, logins: QuerySet[User]) -> None:
        """Let people in again who have lost what opens their second lock."""
        count = 0
        for user in logins:
            take_locks_off(user)
            get_adapter().send_notification_mail("mfa/email/locks_taken_off", user)
            count += 1
        said = ngettext(
            "The second lock of %(count)d login is off. Its owner puts a new one on when she "
            "signs in; please make sure that it is she.",
            "The second locks of %(count)d logins are off. Their owners put new ones on when "
            "they sign in; please make sure that it is they.",
            count,
        )
        messages.success(request, said % {"count": count})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.username = obj.email
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            self._forget_the_former_address(request, obj)

    def _forget_the_former_address(self, request: HttpRequest, user: User) -> None:
        """A link that lies in another mailbox must not open the login."""
        if withdraw_invitations(user=user, now=timezone.now()):
            said = gettext("The link in the mail to the former address opens nothing any more. %s")
            again = gettext("Please send the invitation again.")
            messages.warning(request, said % again)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        user: User = form.instance
        # Owners come into these pages, and nobody else does.
        is_staff = user.is_superuser or user.groups.filter(name=OWNERS).exists()
        if user.is_staff != is_staff:
            user.is_staff = is_staff
            user.save(update_fields=["is_staff"])
        _link_therapist(user, form.cleaned_data.get("treats_as", ""))

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        people.send_invitation(request, obj)
        # Django's own would go on to set a password.
        return admin.ModelAdmin.response_add(self, request, obj, post_url_continue)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002
        form_url: str = "",
    ) -> HttpResponse:
        """Nobody sets a password for somebody else."""
        raise PermissionDenied

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj: User | None = kwargs.get("obj")
        if obj is not None:
            context["stands"] = str(standing_of(obj))
        return super().render_change_form(request, context, *args, **kwargs)


def _link_therapist(user: User, choice: str) -> None:
    """Let ``user`` see the days of the therapist that was chosen for her."""
    now = timezone.now()
    for former in Therapist.objects.filter(user=user).exclude(pk=_key(choice)):
        link_login(therapist=former, user=None, now=now)
    if choice == NEW_THERAPIST:
        name = user.get_full_name() or user.get_username()
        Therapist.objects.create(user=user, name=name[:80], email=user.email)
        return
    chosen = Therapist.objects.filter(Q(user=None) | Q(user=user), pk=_key(choice)).first()
    if chosen is not None:
        link_login(therapist=chosen, user=user, now=now)


def _key(choice: str) -> int:
    return int(choice) if choice.isdecimal() else 0
