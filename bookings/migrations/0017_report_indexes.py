"""Let the reports read what they count out of indexes alone.

Built beside the running spa: nobody waits for the million rows of an old diary. The narrow index is
dropped only when the one that takes its place stands.
"""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index cannot be built concurrently within a transaction.
    atomic = False

    dependencies = [("bookings", "0016_invitations")]

    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                fields=["starts_at"],
                include=[
                    "id",
                    "status",
                    "source",
                    "price",
                    "service",
                    "therapist",
                    "room",
                    "busy_from",
                    "busy_until",
                    "created_at",
                ],
                name="appointment_by_start_whole",
            ),
        ),
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                fields=["client", "starts_at"],
                condition=models.Q(("status__in", ["arrived", "completed"])),
                name="appointment_kept_by_client",
            ),
        ),
        RemoveIndexConcurrently(model_name="appointment", name="appointment_by_start"),
    ]
