"""djangorestframework-simplejwt on PostgreSQL, with rotation and the block list.

Set up like a new Django project, except that database connections stay open.
"""

import gc
import os
import secrets
import uuid
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path

_database = urlsplit(os.environ["BENCH_DATABASE_URL"])

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _database.path.strip("/"),
            "USER": "postgres",
            "HOST": parse_qs(_database.query)["host"][0],
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": (
            "rest_framework_simplejwt.authentication.JWTAuthentication",
        )
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(32),
    SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)

# These imports need the set-up above.
from django.contrib.auth.models import User  # noqa: E402
from rest_framework.decorators import api_view, permission_classes  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402
from rest_framework_simplejwt.views import TokenRefreshView  # noqa: E402


@api_view(["POST"])
def tokens(_: object, number: int) -> Response:
    user = User.objects.create(username=f"{number}-{uuid.uuid4()}")
    refresh = RefreshToken.for_user(user)
    return Response({"access_token": str(refresh.access_token), "refresh_token": str(refresh)})


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def protected(_: object) -> Response:
    return Response({"ok": True})


urlpatterns = [
    path("tokens/<int:number>", tokens),
    path("protected", protected),
    path("api/token/refresh/", TokenRefreshView.as_view()),
]
app = get_wsgi_application()
gc.freeze()  # As in bench/app.py, for a fair comparison.
