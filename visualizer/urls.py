"""Addresses of the visualizer's pages."""

from __future__ import annotations

from django.urls import path

from visualizer.views.compare import compare, judge, start_runs
from visualizer.views.decide import (
    calibrate,
    calibration,
    cancel_calibration,
    decide,
    delete_calibration,
)
from visualizer.views.durations import timings
from visualizer.views.form_commands import act
from visualizer.views.home import find_models, home, starting
from visualizer.views.lab import (
    lab_cancel,
    lab_cases,
    lab_csv,
    lab_delete,
    lab_job,
    lab_parquet,
    lab_watch,
)
from visualizer.views.lab_form import lab
from visualizer.views.learn import learn, lesson
from visualizer.views.methods import methods
from visualizer.views.model_card import model_card
from visualizer.views.panels import choose_model, generate, infill, run, save_run, stop
from visualizer.views.preferences import preferences
from visualizer.views.recipes import recipe_fields
from visualizer.views.records import export, import_session
from visualizer.views.session_lesson import session_lesson
from visualizer.views.sessions import delete, rename, restore, sessions
from visualizer.views.sharing import copy, share, unshare
from visualizer.views.steps import (
    checks,
    digest,
    passes,
    position,
    profile,
    regret,
    snapshot,
    table,
)
from visualizer.views.workspace import workspace

_SESSION = "sessions/<uuid:session_id>/"
_READ = (
    ("", workspace, "workspace"),
    ("compare/", compare, "compare"),
    ("export/<str:form>/", export, "export"),
    ("lesson/", session_lesson, "session_lesson"),
    ("passes/", passes, "passes"),
    ("snapshot/", snapshot, "snapshot"),
    ("step/<int:step>/checks/", checks, "checks"),
    ("step/<int:step>/digest/", digest, "digest"),
    ("step/<int:step>/profile/", profile, "profile"),
    ("step/<int:step>/regret/", regret, "regret"),
    ("step/<int:step>/table/", table, "table"),
    ("step/<int:step>/pos/<int:pos>/", position, "position"),
)
"""What holders of a link may read as well, under `/r/<token>/`."""

urlpatterns = [
    path("", home, name="home"),
    path("starting/<int:command_id>/", starting, name="starting"),
    path("models/find/", find_models, name="find_models"),
    path("models/card/<path:slug>/", model_card, name="model_card"),
    path("methods/", methods, name="methods"),
    path("learn/", learn, name="learn"),
    path("learn/<slug:slug>/", lesson, name="lesson"),
    path("settings/", preferences, name="preferences"),
    path("recipes/fields/", recipe_fields, name="recipe_fields"),
    path("generate/", generate, name="generate"),
    path("infill/", infill, name="infill"),
    path("durations/", timings, name="durations"),
    path("decide/", decide, name="decide"),
    path("decide/calibrations/", calibrate, name="calibrate"),
    path("decide/calibrations/<uuid:id>/", calibration, name="calibration"),
    path("decide/calibrations/<uuid:id>/cancel/", cancel_calibration, name="cancel_calibration"),
    path("decide/calibrations/<uuid:id>/delete/", delete_calibration, name="delete_calibration"),
    path("generate/model/", choose_model, name="choose_model"),
    path("generate/runs/<uuid:run_id>/", run, name="panel_run"),
    path("generate/runs/<uuid:run_id>/stop/", stop, name="panel_stop"),
    path("generate/runs/<uuid:run_id>/save/", save_run, name="panel_save"),
    path("lab/", lab, name="lab"),
    path("lab/<uuid:job_id>/", lab_job, name="lab_job"),
    path("lab/<uuid:job_id>/csv/", lab_csv, name="lab_csv"),
    path("lab/<uuid:job_id>/parquet/", lab_parquet, name="lab_parquet"),
    path("lab/<uuid:job_id>/cancel/", lab_cancel, name="lab_cancel"),
    path("lab/<uuid:job_id>/delete/", lab_delete, name="lab_delete"),
    path("lab/<uuid:job_id>/rows/<int:row>/", lab_cases, name="lab_cases"),
    path("lab/<uuid:job_id>/rows/<int:row>/<int:case>/watch/", lab_watch, name="lab_watch"),
    path("sessions/import/", import_session, name="import_session"),
    path("sessions/", sessions, name="sessions"),
    path(f"{_SESSION}do/<str:name>/", act, name="act"),
    path(f"{_SESSION}compare/start/", start_runs, name="start_runs"),
    path(f"{_SESSION}compare/judge/", judge, name="judge"),
    path(f"{_SESSION}rename/", rename, name="rename"),
    path(f"{_SESSION}delete/", delete, name="delete"),
    path(f"{_SESSION}restore/", restore, name="restore"),
    path(f"{_SESSION}share/", share, name="share"),
    path(f"{_SESSION}share/<int:link>/revoke/", unshare, name="unshare"),
    *(path(_SESSION + rest, view, name=name) for rest, view, name in _READ),
    path("r/<str:token>/", workspace, name="shared"),
    path("r/<str:token>/copy/", copy, name="copy"),
    *(path(f"r/<str:token>/{rest}", view) for rest, view, _ in _READ[1:]),
]
