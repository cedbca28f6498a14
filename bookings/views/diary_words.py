"""The words that the calendar's scripts say; ``{name}`` and the like are filled in there."""

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """Return the words by their key."""
    return {
        "booked": _("{name}: booked for {time} with {who}, by somebody else."),
        "held": _("Somebody is booking {time} with {who}."),
        "moved": _("{name}: moved to {time} with {who}, by somebody else."),
        "resized": _("{name}: now {time} to {until}, changed by somebody else."),
        "gone": _("{name}: no longer at {time}, changed by somebody else."),
        "state": _("{name}: {state}, by somebody else."),
        "many": _("{count} visits were changed by somebody else."),
        "live": _("Up to date"),
        "offline": _("No connection – showing the state of {time}"),
        "ended": _("You have been signed out. What you see is from {time}."),
        "failed": _("There is no connection. It may not have been changed: look at the calendar."),
        "trouble": _("That did not work. Nothing was changed. Please try again."),
        "panel_failed": _("This could not be loaded. Please try again."),
        "late_by": _("{minutes} min late"),
        "late_label_one": _("Late by one minute."),
        "late_label": _("Late by {minutes} minutes."),
        "unfinished": _("still open"),
        "unfinished_label": _("The visit is over, but nobody said how it ended."),
        "undo": _("Undo"),
        "nothing_to_undo": _("There is nothing to undo."),
        "dismiss": _("Close this message"),
        "ready": _("ready"),
        "empty": _("Nothing booked yet. Click on a time to book."),
        "nobody": _("Nobody is in on this day."),
        "absent": _("Not in: {names}"),
        "request": _("Request"),
        "hold": _("Being booked"),
        "day_before": _("The day before"),
        "day_after": _("The day after"),
        "week_before": _("The week before"),
        "week_after": _("The week after"),
        "everybody": _("Everybody"),
    }
