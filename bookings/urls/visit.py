"""Addresses of the visit pages and of what else a mail leads to; the token is the client's key."""

from django.urls import path

from bookings.views import opt_out, visit, visit_mail

urlpatterns = [
    path("visit/<str:token>/", visit.show, name="visit"),
    path("visit/<str:token>/reschedule/", visit.reschedule, name="visit_reschedule"),
    path("visit/<str:token>/health/", visit.health, name="visit_health"),
    path("visit/<str:token>/again/", visit.again, name="visit_again"),
    path("visit/<str:token>/send-again/", visit_mail.send_again, name="visit_send_again"),
    path("visit/<str:token>/cancel/", visit.cancel, name="visit_cancel"),
    path("visit/<str:token>/calendar.ics", visit.calendar, name="visit_calendar"),
    path("mail/stop/<str:token>/", opt_out.stop, name="opt_out"),
]
