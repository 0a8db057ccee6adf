from typing import Any

from django.db import migrations, models


def lists_of_one(apps: Any, schema_editor: Any) -> None:
    """What was one block length for a whole job is a list, and stands in each of its rows."""
    for job in apps.get_model("visualizer", "LabJob").objects.all():
        size = job.block_length or 0
        job.block_lengths = [size]
        job.results = [{"block_length": size, **row} for row in job.results]
        job.save(update_fields=["block_lengths", "results"])


class Migration(migrations.Migration):
    dependencies = [("visualizer", "0019_note")]

    operations = [
        migrations.AddField(
            "labjob",
            "block_lengths",
            models.JSONField(default=list, help_text="block sizes; 0 = one block"),
        ),
        migrations.AddField(
            "labjob",
            "seeds",
            models.PositiveIntegerField(default=1, help_text="how many, from the first on"),
        ),
        migrations.AlterField(
            "labjob", "seed", models.BigIntegerField(default=0, help_text="the first one")
        ),
        migrations.AlterField(
            "labjob",
            "count",
            models.PositiveIntegerField(help_text="cases of the task for each seed"),
        ),
        migrations.RunPython(lists_of_one, migrations.RunPython.noop),
        migrations.RemoveField("labjob", "block_length"),
    ]
