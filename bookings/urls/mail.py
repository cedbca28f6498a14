"""Where the mail provider tells what became of our mail."""

from django.urls import path

from bookings.views import mail_news

urlpatterns = [path("mail/news/<slug:provider>/", mail_news.news, name="mail_news")]
