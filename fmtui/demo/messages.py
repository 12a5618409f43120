"""Made-up messages of customers of a shop, in six classes that overlap on purpose.

The classes share their words: an order, a parcel, a refund and an address turn up in most of
them, asides mention what another class is about, and spelling slips. A fifth of the phrasings is
kept for the test rows alone, so that remembering sentences does not help.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

LABELS: dict[str, tuple[str, ...]] = {
    "track_parcel": (
        "where is my {item}",
        "my {item} should have been here {when}, what is going on",
        "the tracking page has not moved since {when}",
        "has the {item} left your warehouse yet",
        "how long does it still take until the {item} arrives",
        "the courier says there is no parcel for me, but you say the {item} was sent",
        "any news about the {item} i ordered {when}",
        "it says out for delivery since {when} and nobody came",
        "do i need to be at home when the {item} comes",
        "i am waiting for the {item}, is it on its way",
    ),
    "cancel_order": (
        "i no longer want the {item}",
        "please stop the {item} before you send it",
        "i ordered the {item} twice, drop one of them",
        "can i still call off what i bought {when}",
        "changed my mind about the {item}, take it off my order",
        "found the {item} cheaper elsewhere, so don't ship mine",
        "my kid bought the {item} {when} without asking, undo that please",
        "is it too late to withdraw from the order of {when}",
        "kill the order, the {item} takes too long",
        "i clicked buy on the {item} by accident",
    ),
    "refund_status": (
        "i sent the {item} back {when}, where is my money",
        "you promised to pay me back for the {item} {when}",
        "nothing has reached my bank for the {item} i returned",
        "how many days until i see the amount for the {item} again",
        "the return was accepted {when}, but my balance says otherwise",
        "only half of the price of the {item} came back to me",
        "did you get the {item} that i posted to you and when will you pay",
        "i am still owed for the {item}",
        "was the credit for my {item} issued to the old card",
        "still no reimbursement for what went back {when}",
    ),
    "change_address": (
        "i moved {when}, please send the {item} to my new place",
        "the street on my order is wrong",
        "can the {item} go to my office instead",
        "there is a typo in the house number for the {item}",
        "i typed my old flat when i bought the {item}",
        "please deliver the {item} to my neighbour, i am away",
        "can you update where my orders go, i live elsewhere since {when}",
        "could the {item} be redirected to a pick-up shop",
        "the postcode is not right any more",
        "use my parents' home for the {item}, not mine",
    ),
    "payment_problem": (
        "my card was declined for the {item}",
        "i was charged twice for the {item}",
        "the amount taken {when} is higher than the price of the {item}",
        "your checkout does not accept my card any more",
        "the money left my account but there is no order for the {item}",
        "the voucher was not taken off when i paid for the {item}",
        "why is there a second debit from {when}",
        "the bank page freezes when i try to pay for the {item}",
        "i want to pay the {item} by invoice, but it is greyed out",
        "what is this fee on my statement from {when}",
    ),
    "faulty_product": (
        "the {item} arrived broken",
        "the {item} stopped working {when}",
        "one part of the {item} is missing in the box",
        "i got a {item}, but in the wrong colour",
        "the {item} makes a strange noise since {when}",
        "there is a scratch all over the {item}",
        "my {item} does not switch on",
        "the {item} i received is clearly used",
        "what you sent is not the {item} from the picture",
        "the {item} fell apart after two days",
    ),
}

_ITEMS = (
    "kettle", "lamp", "headphones", "desk", "running shoes", "phone case", "coffee grinder",
    "blanket", "bike light", "backpack", "printer", "toaster", "rain jacket", "monitor",
)  # fmt: skip
_TIMES = ("yesterday", "last week", "on monday", "three days ago", "in october", "two weeks ago")
_OPENINGS = ("", "", "", "hi, ", "hello, ", "good morning, ", "excuse me, ", "quick question: ")
_CLOSINGS = ("", "", "", "?", " please", ". thanks", "!!", ". this is urgent", ", can you help")
_ASIDES = (
    "", "", "",
    ". the refund for the other thing came quickly, by the way",
    ". my address has not changed",
    ". i paid by card as always",
    ". i do not want to cancel anything",
    ". the parcel before that one was on time",
    ". the last order was fine",
    ". i already tracked the parcel, that is not it",
    ". no, it is not broken",
)  # fmt: skip

_TEST_PHRASINGS = 2
"""How many of each class's phrasings only the test rows use."""


def messages(
    rows: int = 900, *, seed: int = 7
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Training and test rows (text, label), three quarters and one; the same for the same seed."""
    rng = random.Random(seed)
    train: list[tuple[str, str]] = []
    test: list[tuple[str, str]] = []
    for index in range(rows):
        label = list(LABELS)[index % len(LABELS)]
        phrasings = LABELS[label]
        if (index // len(LABELS)) % 4 == 3:
            row = (_message(rng, rng.choice(phrasings)), label)
            test.append(row)
        else:
            row = (_message(rng, rng.choice(phrasings[:-_TEST_PHRASINGS])), label)
            train.append(row)
    rng.shuffle(train)
    rng.shuffle(test)
    return train, test


def _message(rng: random.Random, phrasing: str) -> str:
    text = phrasing.format(item=rng.choice(_ITEMS), when=rng.choice(_TIMES))
    text = rng.choice(_OPENINGS) + text + rng.choice(_ASIDES) + rng.choice(_CLOSINGS)
    for _ in range(rng.choice((0, 0, 1, 2))):
        text = _slip(rng, text)
    return text.capitalize() if rng.random() < 0.5 else text


def _slip(rng: random.Random, text: str) -> str:
    """A letter is lost, doubled, or changes places with the next."""
    at = rng.randrange(1, len(text) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def write(folder: Path) -> tuple[Path, Path]:
    """Write train.csv and test.csv; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "messages-train.csv", folder / "messages-test.csv"
    for path, rows in zip(paths, messages(), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(rows)
    return paths
