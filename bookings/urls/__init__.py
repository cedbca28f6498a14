"""Addresses of the diary, one module per audience."""

from bookings.urls import client, desk, mail, start, therapist, visit

app_name = "bookings"

urlpatterns = [
    *client.urlpatterns,
    *visit.urlpatterns,
    *desk.urlpatterns,
    *therapist.urlpatterns,
    *start.urlpatterns,
    *mail.urlpatterns,
]
