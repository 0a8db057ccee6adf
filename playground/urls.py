"""Addresses of the playground."""

from __future__ import annotations

from django.urls import path

from playground.views import beside, pages, sharing, token_trees
from playground.views.actions import act, begin
from playground.views.api import chat as api_chat
from playground.views.drawer import drawer, drawer_model
from playground.views.next_token import generate_next_token
from playground.views.records import export, import_conversation
from playground.views.traces import passes

_CONVERSATION = "chat/<uuid:conversation_id>/"
_BESIDE = "playground/beside/<uuid:comparison_id>"
_TREE = "api/token-trees/<uuid:tree_id>"
urlpatterns = [
    path("api/chat", api_chat, name="api_chat"),
    path("api/generate-next-token", generate_next_token, name="generate_next_token"),
    path("playground/drawer/", drawer, name="drawer"),
    path("playground/drawer/<path:slug>/", drawer_model, name="drawer_model"),
    path("playground/beside/", beside.beside, name="beside"),
    path(f"{_BESIDE}/", beside.beside_run, name="beside_run"),
    path(f"{_BESIDE}/repair/", beside.beside_repair, name="beside_repair"),
    path("api/generations/<uuid:generation_id>/passes", passes, name="passes"),
    path("api/score-both", token_trees.score_both, name="score_both"),
    path("api/score-text", token_trees.score_text, name="score_text"),
    path("api/token-trees", token_trees.trees, name="token_trees"),
    path("api/token-trees/import", token_trees.bring_tree, name="import_tree"),
    path(_TREE, token_trees.tree, name="token_tree"),
    path(f"{_TREE}/record", token_trees.export_tree, name="export_tree"),
    path("chat/", pages.chats, name="chats"),
    path("chat/new/", begin, name="begin_chat"),
    path("chat/import/", import_conversation, name="import_chat"),
    path(_CONVERSATION, pages.conversation, name="conversation"),
    path(f"{_CONVERSATION}line/", pages.line, name="chat_line"),
    path(f"{_CONVERSATION}turn/<int:message_id>/", pages.turn, name="chat_turn"),
    path(f"{_CONVERSATION}turn/<int:message_id>/tokens/", pages.tokens, name="chat_tokens"),
    path(f"{_CONVERSATION}turn/<int:message_id>/drafts/", pages.drafts, name="chat_drafts"),
    path(f"{_CONVERSATION}do/<str:name>/", act, name="chat_act"),
    path(f"{_CONVERSATION}share/", sharing.share, name="share_chat"),
    path(f"{_CONVERSATION}share/<int:link>/revoke/", sharing.unshare, name="unshare_chat"),
    path("r/chat/<str:token>/", sharing.shared, name="shared_chat"),
    path("r/chat/<str:token>/line/", sharing.shared_line),
    path("r/chat/<str:token>/turn/<int:message_id>/", sharing.shared_turn),
    path("r/chat/<str:token>/turn/<int:message_id>/tokens/", sharing.shared_tokens),
    path("r/chat/<str:token>/turn/<int:message_id>/drafts/", sharing.shared_drafts),
    path("r/chat/<str:token>/do/<str:name>/", sharing.write, name="write_shared_chat"),
    path(f"{_CONVERSATION}export/<str:form>/", export, name="export_chat"),
]
