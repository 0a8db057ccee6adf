"""Addresses of the visualizer's pages."""

from __future__ import annotations

from django.urls import path

from visualizer.views.acting import act
from visualizer.views.comparing import compare, start_runs
from visualizer.views.exporting import export
from visualizer.views.importing import import_session
from visualizer.views.lab import lab, lab_cancel, lab_csv, lab_job
from visualizer.views.landing import home
from visualizer.views.positions import digest, position, profile, regret, table
from visualizer.views.preferences import preferences
from visualizer.views.sessions import delete, rename, restore, sessions
from visualizer.views.workspace import workspace

_SESSION = "sessions/<uuid:session_id>/"

urlpatterns = [
    path("", home, name="home"),
    path("settings/", preferences, name="preferences"),
    path("lab/", lab, name="lab"),
    path("lab/<uuid:job_id>/", lab_job, name="lab_job"),
    path("lab/<uuid:job_id>/csv/", lab_csv, name="lab_csv"),
    path("lab/<uuid:job_id>/cancel/", lab_cancel, name="lab_cancel"),
    path("sessions/import/", import_session, name="import_session"),
    path("sessions/", sessions, name="sessions"),
    path(_SESSION, workspace, name="workspace"),
    path(f"{_SESSION}do/<str:name>/", act, name="act"),
    path(f"{_SESSION}compare/", compare, name="compare"),
    path(f"{_SESSION}compare/start/", start_runs, name="start_runs"),
    path(f"{_SESSION}rename/", rename, name="rename"),
    path(f"{_SESSION}delete/", delete, name="delete"),
    path(f"{_SESSION}restore/", restore, name="restore"),
    path(f"{_SESSION}export/<str:form>/", export, name="export"),
    path(f"{_SESSION}step/<int:step>/digest/", digest, name="digest"),
    path(f"{_SESSION}step/<int:step>/profile/", profile, name="profile"),
    path(f"{_SESSION}step/<int:step>/regret/", regret, name="regret"),
    path(f"{_SESSION}step/<int:step>/table/", table, name="table"),
    path(f"{_SESSION}step/<int:step>/pos/<int:pos>/", position, name="position"),
]
