"""SQL statements whose text is made once from a model's fields, for what every step writes.

Django composes the text of a statement each time that it is used, which costs several times what
the database needs to carry it out. Names of tables and columns still come from the models, values
are adapted by their fields, and all run in the transaction of the thread's own connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.db import connection, models

Values = Sequence[Any]


class Encoded(str):
    """JSON text: a value of a JSONField that has been encoded already."""

    __slots__ = ()


def encoded(value: Any) -> Encoded:
    """A value as JSON text, as Django would store it."""
    return Encoded(json.dumps(value))


class Table:
    """A model's table and columns as they are written in SQL."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.name = quoted(model._meta.db_table)

    def column(self, name: str) -> str:
        return quoted(self.field(name).column)

    def field(self, name: str) -> Any:
        return self.model._meta.get_field(name)

    @property
    def key(self) -> str:
        """The column of the primary key."""
        found: Any = self.model._meta.pk
        return quoted(found.column)

    def adapt(self, name: str, value: Any) -> Any:
        """A value of a field as the database's driver takes it."""
        if value is None or isinstance(value, int | Encoded):
            return value  # all drivers take these as they are
        return self.field(name).get_db_prep_save(value, connection)


def quoted(name: str) -> str:
    """SQLite and PostgreSQL quote names alike."""
    return f'"{name}"'


class Insert:
    """INSERT of rows with these fields. With `once` a row whose unique key is taken stays out.

    `returning`: the field that is read of each row that was written; its key if none is named.
    """

    def __init__(
        self,
        model: type[models.Model],
        *fields: str,
        once: bool = False,
        returning: str | None = None,
    ) -> None:
        self._model, self._fields = model, fields
        self._once, self._returning = once, returning

    def __call__(self, *rows: Values) -> list[Any]:
        """What is read of the rows that were written, in their order."""
        values = [
            self._table.adapt(name, value)
            for row in rows
            for name, value in zip(self._fields, row, strict=True)
        ]
        return [key for (key,) in fetched(self._text(len(rows)), values)]

    @cached_property
    def _table(self) -> Table:
        return Table(self._model)

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """What stands before the rows, one row, what stands behind them."""
        table = self._table
        columns = ", ".join(map(table.column, self._fields))
        row = f"({', '.join(['%s'] * len(self._fields))})"
        once = " ON CONFLICT DO NOTHING" if self._once else ""
        read = table.column(self._returning) if self._returning else table.key
        return f"INSERT INTO {table.name} ({columns}) VALUES ", row, f"{once} RETURNING {read}"

    def _text(self, count: int) -> str:
        before, row, behind = self._parts
        return f"{before}{', '.join([row] * count)}{behind}"


class Update:
    """UPDATE of the rows in which some fields have given values.

    `set`: field → SQL with `%s` for what the caller gives, `{name}` for a column, e.g.
    `"{number} + %s"`. `where`: fields that are compared, with one row of values or with `rows`.
    `returning`: fields that are read, and `asking`: SQL as in `set` whose values are read behind
    them.
    """

    def __init__(
        self,
        model: type[models.Model],
        set: dict[str, str],
        where: Sequence[str],
        returning: Sequence[str] = (),
        asking: Sequence[str] = (),
        rows: int = 1,
    ) -> None:
        self._model, self._set, self._where = model, set, where
        self._returning, self._asking, self._rows = returning, asking, rows

    def adapt(self, name: str, value: Any) -> Any:
        """A value of a field, for `given`."""
        return self._table.adapt(name, value)

    def __call__(self, given: Values, *where: Values, about: Values = ()) -> list[tuple[Any, ...]]:
        """What is read of each row that was changed, in any order. `given`, and `about` for what is
        asked: adapted values, in order."""
        found = [
            self._table.adapt(*pair)
            for values in where
            for pair in zip(self._where, values, strict=True)
        ]
        return fetched(self._text, [*given, *found, *about])

    @cached_property
    def _table(self) -> Table:
        return Table(self._model)

    @cached_property
    def _text(self) -> str:
        table = self._table
        columns = {one.name: table.column(one.name) for one in self._model._meta.fields}
        sets = ", ".join(f"{columns[n]} = {sql.format(**columns)}" for n, sql in self._set.items())
        told = [columns[name] for name in self._returning]
        read = ", ".join([*told, *(sql.format(**columns) for sql in self._asking)]) or table.key
        return f"UPDATE {table.name} SET {sets} WHERE {self._tests(columns)} RETURNING {read}"

    def _tests(self, columns: dict[str, str]) -> str:
        compared = [columns[name] for name in self._where]
        if self._rows == 1:
            return " AND ".join(f"{column} = %s" for column in compared)
        return f"({', '.join(compared)}) IN {given_rows(self._rows, len(compared))}"


def given_rows(rows: int, width: int) -> str:
    """Rows of given values, to be looked for with IN: SQLite and PostgreSQL both take this form."""
    row = f"({', '.join(['%s'] * width)})"
    return f"(VALUES {', '.join([row] * rows)})"


class Select:
    """The rows of a query set whose text and values are made once, at the first use.

    So its conditions must hold no moment of the process's own clock.
    """

    def __init__(self, rows: models.QuerySet[Any]) -> None:
        self._rows = rows

    def __call__(self) -> list[tuple[Any, ...]]:
        """Values as the database's driver gives them."""
        return fetched(*self._made)

    @cached_property
    def _made(self) -> tuple[str, Sequence[Any]]:
        return self._rows.query.sql_with_params()


def fetched(text: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    """The rows that a statement returns, all of them: SQLite writes none before it is read."""
    with connection.cursor() as cursor:
        cursor.execute(text, list(values))
        return list(cursor.fetchall())
