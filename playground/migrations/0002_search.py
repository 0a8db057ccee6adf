"""Full-text search over texts: FTS5 with triggers on SQLite, GIN on PostgreSQL.

Django makes a table of SQLite anew for many changes, which drops its triggers: a migration that
alters `playground_message` has to run `make_index` again. A test searches after all migrations.
"""

from django.db import migrations

TABLE, COLUMN, KEY = "playground_message", "text", "id"
NAME = f"{TABLE}_fts"
TRIGGERS = ("added", "gone", "changed")


def _sqlite():
    added = f"INSERT INTO {NAME}(rowid, {COLUMN}) VALUES (new.{KEY}, new.{COLUMN})"
    gone = f"INSERT INTO {NAME}({NAME}, rowid, {COLUMN}) VALUES ('delete', old.{KEY}, old.{COLUMN})"
    return [
        f"DROP TABLE IF EXISTS {NAME}",
        f"CREATE VIRTUAL TABLE {NAME} USING fts5({COLUMN}, content='{TABLE}', "
        f"content_rowid='{KEY}', tokenize='unicode61 remove_diacritics 2')",
        f"INSERT INTO {NAME}({NAME}) VALUES ('rebuild')",
        *(f"DROP TRIGGER IF EXISTS {NAME}_{when}" for when in TRIGGERS),
        f"CREATE TRIGGER {NAME}_added AFTER INSERT ON {TABLE} BEGIN {added}; END",
        f"CREATE TRIGGER {NAME}_gone AFTER DELETE ON {TABLE} BEGIN {gone}; END",
        f"CREATE TRIGGER {NAME}_changed AFTER UPDATE OF {COLUMN} ON {TABLE} "
        f"BEGIN {gone}; {added}; END",
    ]


def _postgresql():
    index = f"gin (to_tsvector('simple'::regconfig, {COLUMN}))"
    return [f"CREATE INDEX IF NOT EXISTS {NAME} ON {TABLE} USING {index}"]


_MADE_BY = {"sqlite": _sqlite, "postgresql": _postgresql}


def make_index(apps, schema_editor):
    for statement in _MADE_BY[schema_editor.connection.vendor]():
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    for when in TRIGGERS if sqlite else ():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {NAME}_{when}")
    schema_editor.execute(f"DROP {'TABLE' if sqlite else 'INDEX'} IF EXISTS {NAME}")


class Migration(migrations.Migration):
    dependencies = [("playground", "0001_initial")]
    operations = [migrations.RunPython(make_index, drop_index)]
