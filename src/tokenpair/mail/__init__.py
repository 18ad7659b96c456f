"""Mails: the delivery loop, SMTP, the log of a development server, and the templates."""
