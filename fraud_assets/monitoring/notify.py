"""Sends each message once: what was sent is recorded in a file, in case the sender restarts."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fraud_assets.monitoring.incidents import Message
from fraud_assets.text import inert

Deliver = Callable[[Message], bool]


class NotSentError(RuntimeError):
    """A message that no receiver accepted; it is sent again at the next tick."""


def send_once(messages: Iterable[Message], sent_file: Path, deliver: Deliver) -> int:
    """Send the messages that have not been sent before.

    Parameters
    ----------
    messages : iterable of Message
        Sent in this order.
    sent_file : Path
        Keys of the messages that were sent, one per line; created when it does not exist.
    deliver : callable
        Sends a message; returns whether it was accepted.

    Returns
    -------
    int
        How many messages were sent.

    Raises
    ------
    NotSentError
        When a message was not accepted. Those before it are recorded and not sent again.

    See Also
    --------
    apprise_sender : makes a `deliver` for chats, mails and webhooks.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> message = Message("r1:failed", "A run failed", "batch june", "failure")
    >>> with TemporaryDirectory() as folder:
    ...     sent = Path(folder, "sent.txt")
    ...     send_once([message], sent, lambda _: True), send_once([message], sent, lambda _: True)
    (1, 0)
    """
    sent = set(sent_file.read_text(encoding="utf-8").split("\n")) if sent_file.exists() else set()
    count = 0
    for message in messages:
        if message.key in sent:
            continue
        if not deliver(message):
            raise NotSentError(
                f"no receiver of FRAUD_ALERT_URLS accepted {message.title!r}; check that they can "
                "be reached. The message is sent again at the next tick"
            )
        with sent_file.open("a", encoding="utf-8") as file:
            file.write(message.key + "\n")
            file.flush()
            os.fsync(file.fileno())
        count += 1
    return count


def apprise_sender(urls: str, link: str) -> Deliver:
    """Return a function that sends a message through Apprise: to chats, mails or webhooks.

    Messages are plain text: Apprise escapes them for each receiver, and what a chat would still
    act on, such as a mention, is made inert before.

    Parameters
    ----------
    urls : str
        Addresses in Apprise's notation, separated by spaces.
    link : str
        Appended to every message: where to look next.

    Returns
    -------
    callable
        Takes a message; returns whether it was accepted.

    Raises
    ------
    ValueError
        When Apprise does not know an address. The message does not repeat it, because it may hold
        a secret.

    See Also
    --------
    send_once : sends each message once.
    """
    import apprise

    receivers = apprise.Apprise()
    for place, url in enumerate(urls.split(), start=1):
        if not receivers.add(url):
            raise ValueError(f"address {place} of FRAUD_ALERT_URLS is not one that Apprise knows")

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
