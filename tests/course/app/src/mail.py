import json
from pathlib import Path


def send_email(recipients: list[str], subject: str, body: str) -> None:
    """Stands in for a mail server: each mail is a line of mails.jsonl."""
    mail = {"recipients": recipients, "subject": subject, "body": body}
    with Path("mails.jsonl").open("a") as file:
        file.write(json.dumps(mail) + "\n")
