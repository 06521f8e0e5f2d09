"""What became of the posts of F3 and F4: what is out at Threads, against what the ledger says."""

from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

from tests.faults.load import Load
from tests.faults.stage import records_of

AFTERWARDS = timedelta(minutes=10)
"""By then every late effect has shown."""


class Judgement(NamedTuple):
    """What became of all orders."""

    duplicates: int
    lost: int
    failures: list[str]
    states: Counter[str]


def judge(done: Load) -> Judgement:
    """Compare what is out with what the ledger says."""
    with done.threads.lock:
        done.threads.clock.advance(AFTERWARDS)
        done.threads.carry_out_late_effects()
        out: dict[str, list[str]] = {}
        for post in done.threads.posts.values():
            out.setdefault(str(post.content["text"]), []).append(post.id)
    people = {order.person.uid for order in done.orders}
    records = {it["content"]["text"]: it for uid in people for it in records_of(done.client, uid).values()}
    problems = {it.text: _problem(out.get(it.text, []), records.get(it.text)) for it in done.orders}
    wrong = {text: problem for text, problem in problems.items() if problem}
    duplicates = sum(len(ids) - 1 for ids in out.values())
    lost = sum(len(out.get(text, [])) <= 1 for text in wrong)
    states = Counter(str(record["state"]) for record in records.values())
    return Judgement(duplicates, lost, [f"{text}: {problem}" for text, problem in wrong.items()], states)


def _problem(out: list[str], record: dict[str, Any] | None) -> str:
    """Return what is wrong: nothing, if one post is out and its record says so."""
    if record is None:
        return f"no record, {len(out)} posts are out"
    if len(out) != 1 or (record["state"], record["mediaId"]) != ("PUBLISHED", out[0]):
        return f"{out} are out, the record says {record['state']} {record['mediaId']} {record['error']}"
    return ""


def firestore_calls(done: Load) -> str:
    """Return what a post has cost in calls to Firestore, repeated deliveries and all."""
    letters, posts = Counter(done.calls.read_text()), max(1, len(done.orders))
    named = (("commits", "c"), ("reads", "g"), ("queries", "q"))
    each = ", ".join(f"{letters[letter] / posts:.2f} {name}" for name, letter in named)
    return f"{letters.total() / posts:.2f} calls to Firestore a post: {each}"
