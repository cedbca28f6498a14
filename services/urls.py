"""Addresses of the public pages."""

from django.contrib.sitemaps.views import sitemap
from django.urls import path

from services import views
from services.sitemaps import SITEMAPS

app_name = "services"

urlpatterns = [
    path("", views.home, name="home"),
    path("services/", views.menu, name="menu"),
    path("services/<slug:slug>/", views.treatment, name="treatment"),
    path("about/", views.about, name="about"),
    path("policies/", views.policies, name="policies"),
    path("media/services/<path:path>", views.photo, name="photo"),
    path("sitemap.xml", sitemap, {"sitemaps": SITEMAPS}, name="sitemap"),
    path("robots.txt", views.robots, name="robots"),
]
