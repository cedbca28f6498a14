"""Find the requests that wait without looking at every visit of years; built beside the spa."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index cannot be built concurrently within a transaction.
    atomic = False

    dependencies = [("bookings", "0020_journal")]

    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                fields=["starts_at"],
                condition=models.Q(("status", "requested")),
                name="appointment_requests_by_start",
            ),
        ),
    ]
