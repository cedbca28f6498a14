"""Times as a spa's clients read them: 10:15 and 14:30."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
