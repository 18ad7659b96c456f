"""The kinds of password hashes, as hashers of pwdlib: argon2, and those of other systems."""
