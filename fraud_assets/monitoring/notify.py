"""Sends messages once each: what was sent is noted beside, whatever happens to the sender."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fraud_assets.monitoring.incidents import Message
from fraud_assets.text import inert

Send = Callable[[Message], bool]


class NotSentError(RuntimeError):
    """A message that no receiver took; it is tried again."""


def send_once(messages: Iterable[Message], noted: Path, send: Send) -> int:
    """Send the messages that have not been sent before.

    Parameters
    ----------
    messages : iterable of Message
    noted : Path
        Keys of what was sent, a line each.
    send : callable
        Returns whether the message arrived.

    Returns
    -------
    int
        How many were sent.

    Raises
    ------
    NotSentError
        When one did not arrive. Those before it are noted and not sent again.
    """
    sent = set(noted.read_text(encoding="utf-8").split("\n")) if noted.exists() else set()
    count = 0
    for message in messages:
        if message.key in sent:
            continue
        if not send(message):
            raise NotSentError(
                f"no receiver of FRAUD_ALERT_URLS took {message.title!r}; see that they can be "
                "reached. It is tried again at the next look"
            )
        with noted.open("a", encoding="utf-8") as file:
            file.write(message.key + "\n")
            file.flush()
            os.fsync(file.fileno())
        count += 1
    return count


def apprise_sender(urls: str, link: str) -> Send:
    """Return what sends through Apprise: chat, mail, webhook, by address.

    What is said is plain text: Apprise escapes it for each receiver, and what a chat would act on
    in spite of that, such as a mention, is taken apart before.

    Parameters
    ----------
    urls : str
        Addresses in Apprise's notation, parted by spaces.
    link : str
        Where a person looks next; at the end of every message.

    Raises
    ------
    ValueError
        When an address cannot be understood; it is not repeated, for it may hold a secret.
    """
    import apprise

    receivers = apprise.Apprise()
    for place, url in enumerate(urls.split(), start=1):
        if not receivers.add(url):
            raise ValueError(f"address {place} of FRAUD_ALERT_URLS is none that Apprise knows")

    def send(message: Message) -> bool:
        body, kind = f"{inert(message.body)}\n{link}", apprise.NotifyType(message.level)
        return bool(
            receivers.notify(
                title=inert(message.title),
                body=body,
                notify_type=kind,
                body_format=apprise.NotifyFormat.TEXT,
            )
        )

    return send
