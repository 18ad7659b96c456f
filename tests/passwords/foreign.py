"""Hashes that the libraries themselves made, most of them with a low cost.

Made with Django 5.2.19, Werkzeug 3.1.9, passlib 1.7.4 with bcrypt 4.0.1, and argon2-cffi 25.1:

- DJANGO_*: `hasher.encode(password, hasher.salt())` of `PBKDF2PasswordHasher`,
  `PBKDF2SHA1PasswordHasher`, `BCryptPasswordHasher`, `BCryptSHA256PasswordHasher` and
  `Argon2PasswordHasher`; those with a low cost are of subclasses with `iterations = 1000`,
  `rounds = 4`, or `memory_cost = 16, time_cost = 2, parallelism = 1`
- WERKZEUG_*: `generate_password_hash(password, method)` with "scrypt" (the default),
  "scrypt:16:1:2", "pbkdf2:sha256:1000", "pbkdf2:sha1:1000" and "pbkdf2:sha512:1000"
- PASSLIB_*, BCRYPT_LONG and BCRYPT_ODD: `passlib.hash.bcrypt.hash(password)` with `rounds=4` and
  `ident="2a"`, "2b" or "2y"; and `passlib.hash.argon2.using(type=..., memory_cost=64, time_cost=3,
  parallelism=2).hash(password)`
- BCRYPT: `bcrypt.hashpw(password, bcrypt.gensalt(4))`
- ARGON2_OF_2015: `argon2.low_level.hash_secret(password, b"saltsaltsalt", 3, 64, 1, 32, Type.I,
  16)`
"""

from tokenpair.testing import PASSWORD

LONG = f"{PASSWORD} " * 3
"""A password of 87 bytes."""

ODD = "x" + "\u00e9" * 40
"""A password of 81 bytes; its 72nd byte is the first half of a letter."""

DECOMPOSED = "cafe\u0301 au lait et tarte"
"""A password in NFD."""

DJANGO_SHA256_DEFAULT = (
    "pbkdf2_sha256$1000000$W4HSalQfTQWcbxW26asQSK$LMfpU8oz3lx9sKcyAMMN27qKHEB8SOA4R2KUUp92bOA="
)
DJANGO_SHA256 = (
    "pbkdf2_sha256$1000$pJ03NlIvhtC70ifbI4qadW$jJfFM9oPlYNX8UBuYQ79f/unZRDCfkuzqGEOUGd4AKc="
)
DJANGO_SHA1 = "pbkdf2_sha1$1000$ExyY9ayjpBHGINiUvAW52M$oAjaxV2nK5yN0mLdPQ3fa+uO6Xs="
DJANGO_DECOMPOSED = (
    "pbkdf2_sha256$1000$Ey9v9At0Pm995JEOmj2qJR$Mv3ZRp1kfvko9c8YrTqZLxUPueyFX20smu26rv+nNOM="
)
DJANGO_BCRYPT = "bcrypt$$2b$04$3LcY3o0N9e/KAP/I9Zixn.orfLqb4sJvNHorD2XkgKEnEyL/L7Rdq"
DJANGO_BCRYPT_SHA256 = "bcrypt_sha256$$2b$04$DwCj85yhRlyAq//SSaFen.JJnxK0IrpWTlHk/yVAhMH37x7jmRuYq"
DJANGO_BCRYPT_SHA256_LONG = (
    "bcrypt_sha256$$2b$04$YSxhwLF/9jgEFcRy8Yj1xOL3UBBUgtXvtUOVgxClVlCUwJ3gGliEK"
)
DJANGO_ARGON2 = (
    "argon2$argon2id$v=19$m=16,t=2,p=1$SEVjTmdlSTB4RGgxWDhuQTZSVVJoZQ$Q48P+KEJQ3CyKBJh+815f3L"
    "xuBw93Z+J3Bf+C+Fc4KY"
)
WERKZEUG_SCRYPT_DEFAULT = (
    "scrypt:32768:8:1$OicIS5QhjLisvzbX$ddbaca6bc59c1fa8775e4254d72949d1f151ef560473dfb9878d02"
    "29cf5e0d5a5b9d8800bc36f6a7d4e44b54ca4dd165aca1e75c5a2d7048e3b0bf2060e30156"
)
WERKZEUG_SCRYPT = (
    "scrypt:16:1:2$bzcCsmNGMmc2SWyy$c6288437d2f5d66fac97379cfeafb31ea61e4a41f4a99cfe34e15b266"
    "5e3b0a25925f4322b17075b9ee6c6b7741ffdf097bc06e6b05b1646086ffea3c83049eb"
)
WERKZEUG_SHA256 = (
    "pbkdf2:sha256:1000$QbaEMLRDug1POkWZ$9f34cbc645beb668b49973cbde3d9c51268f4a62c97078a225e1"
    "5ce674863bf5"
)
WERKZEUG_SHA1 = "pbkdf2:sha1:1000$1gIZstiUjfY6GS0A$48bb14dde978f9d4df1723694b6a5d432f6188e2"
WERKZEUG_SHA512 = (
    "pbkdf2:sha512:1000$wiGrCyau7HKBZr2I$5f0a64e8634a58047ff8a3201c44a0c22fd40b8066d942caf24b"
    "7899a69e9a0611dcf54f58238b4a020979d31e40fbb20cd0f194829be603b2f25fac7dbe57b7"
)
PASSLIB_BCRYPT_DEFAULT = "$2b$12$cKOTT.1du73e5.0FY0MGTeY/sRXfwHl9sYtTammPN8W34XiSrmLIi"
PASSLIB_2A = "$2a$04$QMmnVCe9bgpbws2zaoyjY.sttEt3iuWL8NkB9/S6HwoRlWVA2Cwf6"
PASSLIB_2B = "$2b$04$OseWe.W/r6H8/MWCPTIf3OlaVs30D37OQ0hBaWZBSfOzAWGxJVKXa"
PASSLIB_2Y = "$2y$04$F6huA8l4IoqbHe1ipU.gZ.y0ate1gfjxXzxh9XQhn3f6hFzk/gVku"
BCRYPT = "$2b$04$mJFRiTIn/xoHNKiRphSnSem4bgVfm6IgACI1kv0ppoyimv0G8mI.i"
BCRYPT_LONG = "$2b$04$bG1VlDLedzeNNfHtaGB8AOzwT4eASulOC8RkwfFTaXnljsZvlTP/u"
BCRYPT_ODD = "$2b$04$tyE/Ze9Vy7n0vY2T7MoodeJsIbRACub0Do.zf453oVTPbS2EeTcPm"
PASSLIB_ARGON2ID = (
    "$argon2id$v=19$m=64,t=3,p=2$/p/TujcGwDjHWCsFgHBOCQ$HDeu29tVrWumWipFhxdIz4JvaLTf7I01zMTld7WnbxE"
)
PASSLIB_ARGON2I = (
    "$argon2i$v=19$m=64,t=3,p=2$BcBY6x2j1FpLiRGCkPKeEw$ZQHkkE0TJ7gL8uoevvARjut5tXpa9ExMjQnUN1x87II"
)
PASSLIB_ARGON2D = (
    "$argon2d$v=19$m=64,t=3,p=2$ldI6h7AWwpiztnZuTckZow$WnCo55bONS2C/eOQfg1UbQCa8+LnDI4fVEvos/EVU0I"
)
ARGON2_OF_2015 = (
    "$argon2i$v=16$m=64,t=3,p=1$c2FsdHNhbHRzYWx0$m/HFFrR500GIckG6y7H29PxD0qq30faLQVpv+nBUoJE"
)

HASHES = {
    "django_sha256_default": DJANGO_SHA256_DEFAULT,
    "django_sha256": DJANGO_SHA256,
    "django_sha1": DJANGO_SHA1,
    "django_bcrypt": DJANGO_BCRYPT,
    "django_bcrypt_sha256": DJANGO_BCRYPT_SHA256,
    "django_argon2": DJANGO_ARGON2,
    "werkzeug_scrypt_default": WERKZEUG_SCRYPT_DEFAULT,
    "werkzeug_scrypt": WERKZEUG_SCRYPT,
    "werkzeug_sha256": WERKZEUG_SHA256,
    "werkzeug_sha1": WERKZEUG_SHA1,
    "werkzeug_sha512": WERKZEUG_SHA512,
    "passlib_bcrypt_default": PASSLIB_BCRYPT_DEFAULT,
    "passlib_2a": PASSLIB_2A,
    "passlib_2b": PASSLIB_2B,
    "passlib_2y": PASSLIB_2Y,
    "bcrypt": BCRYPT,
    "passlib_argon2id": PASSLIB_ARGON2ID,
    "passlib_argon2i": PASSLIB_ARGON2I,
    "passlib_argon2d": PASSLIB_ARGON2D,
    "argon2_of_2015": ARGON2_OF_2015,
}
"""Hashes of `PASSWORD`, by name."""
