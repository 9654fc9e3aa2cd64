from django.urls import path

from vsaas.mail import api as rest
from vsaas.mail import pages as views

pages = [
    path("mail", views.mail_list, name="mail"),
    path("mail/<uuid:message_id>", views.mail_message, name="mail-message"),
    path("mail/<uuid:message_id>/retry", views.mail_retry, name="mail-retry"),
]

api = [
    path("mail", rest.Mail.as_view(), name="api-mail"),
    path("mail/<uuid:message_id>/retry", rest.MailRetry.as_view(), name="api-mail-retry"),
]
