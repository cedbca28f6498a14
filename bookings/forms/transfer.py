"""Which file is brought in, and how."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_BYTES = 5 * 1024 * 1024


class FileForm(forms.Form):
    """A CSV file."""

    use_required_attribute = False
    file_name = ""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        error_messages={
            "required": gettext_lazy("Please choose a file."),
            "empty": gettext_lazy("This file is empty."),
        },
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> bytes:
        """The bytes of the file."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("This file has more than 5 MB. Please split it and bring in each part.")
            )
        self.file_name = str(file.name)
        content: bytes = file.read()
        return content


class VisitsFileForm(FileForm):
    """A CSV file of visits, and what comes with those that are ahead."""

    send_mail = forms.BooleanField(
        required=False,
        label=gettext_lazy("Send a confirmation for each visit that is still to come"),
        help_text=gettext_lazy("Reminders come all the same."),
    )
    against_rules = forms.BooleanField(
        required=False,
        label=gettext_lazy("Take visits outside the hours and the booking horizon too"),
        help_text=gettext_lazy("Two visits never meet with one therapist or in one room."),
    )
