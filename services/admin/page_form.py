"""The form of a treatment's page."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from services import photos
from services.admin.clash import CLASHES, SEEN, latest_key
from services.models import Service

# The button that changes what clients see says so; no other way of sending the form does it.
LIVE = "_live"
PUBLISH = "_publish"
# Set by the admin where the photo of this very form could not be written.
NO_ROOM = "_no_room"


class PhotoInput(AdminFileWidget):
    """A photo with a look at the present one."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if self.is_initial(value):
            context["widget"]["picture"] = photos.picture_of(value.name)
        return context

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        context = self.get_context(name, value, attrs)
        # By the templates of the site: those of forms are looked up elsewhere.
        return render_to_string("admin/services/service/photo_input.html", context)


class PhotoField(forms.FileField):
    """An upload that is read as a photo, whatever its name says; the sizes are kept with it."""

    widget = PhotoInput(attrs={"accept": photos.ACCEPT})

    def to_python(self, data: Any) -> Any:
        upload: Any = super().to_python(data)
        if upload is not None:
            upload.prepared = photos.prepare(upload, size=upload.size or 0)
        return upload


class ServiceForm(forms.ModelForm):
    """A page with its photo; it refuses to change a public page by accident."""

    photo = PhotoField(
        label=_("Photo"),
        required=False,
        help_text=_(
            "JPEG, PNG or WebP, %(most)d MB at most and %(least)d pixels wide at least. What the "
            "camera notes, such as the place, is left out."
        )
        % {"most": photos.MOST_MEGABYTES, "least": photos.LEAST_WIDTH},
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial[SEEN] = latest_key(self.instance)

    @property
    def prepared(self) -> photos.Prepared | None:
        """The photo that was just uploaded, in all its sizes."""
        return getattr(self.cleaned_data.get("photo"), "prepared", None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if CLASHES in self.data:
            raise forms.ValidationError(_("Nothing was saved yet: see above."), code="clash")
        if NO_ROOM in self.data:
            self.add_error(
                "photo",
                _(
                    "The website has no room left for the photo, so nothing was saved yet. What "
                    "you typed is still here: save it without the photo, and tell whoever looks "
                    "after the website that its disk is full."
                ),
            )
        public = self.instance.pk and self.instance.status == Service.Status.PUBLISHED
        if public and LIVE not in self.data:
            raise forms.ValidationError(
                _(
                    "Nothing was saved yet. Clients see this page: press “Save for clients to "
                    "see” when it is ready."
                ),
                code="not_live",
            )
        return cleaned
