"""Remember, while a time is held, which address holds it: one may not hold the whole calendar."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index cannot be built concurrently within a transaction.
    atomic = False

    dependencies = [("bookings", "0018_bringing_in")]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="held_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=64,
                verbose_name="held by",
            ),
        ),
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                condition=models.Q(("status", "held"), models.Q(("held_by", ""), _negated=True)),
                fields=["held_by"],
                name="appointment_holds_by_address",
            ),
        ),
    ]
