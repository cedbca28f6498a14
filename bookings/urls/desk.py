"""Addresses of the desk pages."""

from django.urls import URLPattern, path, register_converter

from bookings.urls.converters import ReferenceConverter
from bookings.views import (
    board,
    client_merge,
    client_rights,
    clients,
    desk,
    desk_asking,
    desk_booking,
    desk_change,
    desk_messages,
    desk_move,
    desk_repeat,
    desk_repeat_undo,
    desk_to_move,
    diary,
    time_off,
)

register_converter(ReferenceConverter, "reference")

VISIT = "desk/appointments/<reference:reference>/"
MESSAGE = "desk/messages/<int:pk>/"
CLIENT = "desk/clients/<int:pk>/"

urlpatterns: list[URLPattern] = [
    path("desk/", diary.day, name="desk"),
    path("desk/week/", diary.week, name="desk_week"),
    path("desk/feed/", diary.feed, name="desk_feed"),
    path("desk/list/", board.day_list, name="desk_list"),
    path("desk/clearances/", board.clearances, name="desk_clearances"),
    path("desk/strip/", board.strip, name="desk_strip"),
    path("desk/sheet/", board.sheet, name="desk_sheet"),
    path("desk/to-move/", desk_to_move.to_move, name="desk_to_move"),
    path("desk/time-off/new/", time_off.block, name="desk_block"),
    path("desk/time-off/undo/", time_off.undo, name="desk_time_off_undo"),
    path("desk/time-off/<int:pk>/", time_off.time_off, name="desk_time_off"),
    path("desk/clients/", clients.clients, name="desk_clients"),
    path("desk/clients/new/", clients.add, name="desk_client_new"),
    path("desk/clients/duplicates/", clients.duplicates, name="desk_client_duplicates"),
    path("desk/clients/address/", clients.check_address, name="desk_client_address"),
    path(CLIENT, clients.client, name="desk_client"),
    path(f"{CLIENT}edit/", clients.edit, name="desk_client_edit"),
    path(f"{CLIENT}merge/", client_merge.merge, name="desk_client_merge"),
    path(f"{CLIENT}part/", client_merge.part, name="desk_client_part"),
    path(f"{CLIENT}rights/", client_rights.rights, name="desk_client_rights"),
    path(f"{CLIENT}rights/copy/", client_rights.copy, name="desk_client_copy"),
    path(f"{CLIENT}rights/health/", client_rights.forget_health, name="desk_client_forget"),
    path(f"{CLIENT}rights/erase/", client_rights.erase, name="desk_client_erase"),
    path("desk/messages/", desk_messages.mailbox, name="desk_messages"),
    path(MESSAGE, desk_messages.message, name="desk_message"),
    path(f"{MESSAGE}html/", desk_messages.html, name="desk_message_html"),
    path(f"{MESSAGE}send/", desk_messages.send, name="desk_message_send"),
    path(f"{MESSAGE}trust/", desk_messages.trust, name="desk_message_trust"),
    path("desk/book/", desk_booking.book, name="desk_book"),
    path("desk/book/client/", desk_booking.people, name="desk_book_client"),
    path(VISIT, desk.appointment, name="desk_appointment"),
    path(f"{VISIT}place/", diary.place, name="desk_place"),
    path(f"{VISIT}undo/", diary.undo, name="desk_undo"),
    path(f"{VISIT}repeat/", desk_repeat.repeat, name="desk_repeat"),
    path(f"{VISIT}repeat/undo/", desk_repeat_undo.undo_series, name="desk_repeat_undo"),
    path(f"{VISIT}step/", desk.step, name="desk_step"),
    path(f"{VISIT}move/", desk_move.move, name="desk_move"),
    path(f"{VISIT}note/", desk.note, name="desk_note"),
    path(f"{VISIT}change/", desk_change.change, name="desk_change"),
    path(f"{VISIT}cancel/", desk.cancel, name="desk_cancel"),
    path(f"{VISIT}decide/", desk.decide, name="desk_decide"),
    path(f"{VISIT}ask/", desk.ask, name="desk_ask"),
    path(f"{VISIT}health/", desk_asking.health, name="desk_health"),
    path(f"{VISIT}revoke-links/", desk.revoke_links, name="desk_revoke_links"),
]
