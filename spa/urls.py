"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from bookings.views import accounts
from spa import demo_mail
from spa.health import healthz, readyz
from spa.metrics import metrics

handler400 = "spa.bounds.bad_request"
# allauth's, for too many tries.
handler429 = "bookings.views.accounts.too_many_tries"
handler500 = "spa.outage.server_error"

urlpatterns = [
    path("", include("services.urls")),
    path("", include("bookings.urls")),
    path("accounts/", include("bookings.urls.accounts")),
    # One way in: the admin's own pages would be a second one.
    path("admin/login/", accounts.admin_login),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/password_change/done/", RedirectView.as_view(pattern_name="your_login")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]

if settings.DEMO:
    urlpatterns += [
        path("demo/mail/", demo_mail.mailbox, name="demo-mailbox"),
        path("demo/mail/<str:name>/", demo_mail.letter, name="demo-letter"),
        path("demo/mail/<str:name>/html/", demo_mail.letter_html, name="demo-letter-html"),
        path(
            "demo/mail/<str:name>/files/<int:number>/",
            demo_mail.attachment,
            name="demo-attachment",
        ),
    ]
