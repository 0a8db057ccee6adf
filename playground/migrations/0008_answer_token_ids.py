"""The tokens of answers. SQLite makes the table anew, so its search index is made again."""

from importlib import import_module

from django.db import migrations, models

search = import_module("playground.migrations.0002_search")


class Migration(migrations.Migration):

    dependencies = [
        ('playground', '0007_side_by_side'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='token_ids',
            field=models.JSONField(blank=True, default=list, help_text="of an answer's text; empty: not known"),
        ),
        migrations.RunPython(search.make_index, migrations.RunPython.noop),
    ]
