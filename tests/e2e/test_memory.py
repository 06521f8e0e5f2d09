"""How much memory a function needs when as many requests come at once as an instance takes."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import requests

from tests.e2e.functions import Function
from tests.e2e.world import Firebase, SignedIn, post_path
from threads.functions.request import MAX_BODY_BYTES
from threads.posts.content import Content
from threads.posts.ledger import as_document, new_record

MEBIBYTE = 1024 * 1024
AT_ONCE = 80
"""``concurrency`` in functions.yaml."""

POSTS = 100
LARGE = MAX_BODY_BYTES - 4096
"""The characters of a post whose request is nearly as large as one may be."""

AVAILABLE = 512 * MEBIBYTE
"""``availableMemoryMb`` in functions.yaml."""


def store_large_posts(firebase: Firebase, uid: str) -> list[str]:
    """Store large posts of a user, and return their ids, the newest first."""
    began = datetime.now(UTC)
    large = Content({"text": "x", "textAttachment": {"plaintext": "x" * LARGE}})
    names = [f"post{number:03}" for number in range(POSTS)]
    for number, name in enumerate(names):
        record = new_record("1", large, began - timedelta(seconds=number))
        firebase.write(post_path(uid, name), as_document(record))
    return names


def memory_of(process: psutil.Process) -> int:
    """Return the bytes that a process and its children have in memory."""
    return sum(it.memory_info().rss for it in (process, *process.children(recursive=True)))


def peak(process: psutil.Process, working: list[Future[Any]]) -> int:
    """Return the most memory that a process has while others work, in bytes."""
    most = 0
    while wait(working, timeout=0.05).not_done:
        most = max(most, memory_of(process))
    return most


def test_lists_of_large_posts_fit_into_an_instance(
    environment: dict[str, str], firebase: Firebase, user: SignedIn
) -> None:
    """As many lists of large posts as an instance takes at once leave a third of its memory free."""
    store_large_posts(firebase, user.uid)
    with Function("th_posts", environment) as th_posts, ThreadPoolExecutor(AT_ONCE) as clients:
        process = psutil.Process(th_posts.pid)

        def ask(_number: int) -> int:
            options: dict[str, Any] = {"headers": user.headers, "params": {"limit": str(POSTS)}}
            with requests.get(th_posts.url, timeout=60, stream=True, **options) as answer:
                return sum(map(len, answer.iter_content(MEBIBYTE))) if answer.ok else 0

        assert ask(0)
        asked = [clients.submit(ask, number) for number in range(AT_ONCE)]
        most = peak(process, asked)
        assert all(it.result() for it in asked)
    assert most < AVAILABLE * 2 / 3, f"{most / MEBIBYTE:.0f} MiB"


def test_a_page_of_large_posts_ends_early_and_leads_on(
    th_posts: Function, firebase: Firebase, user: SignedIn
) -> None:
    """A page is bounded in bytes, and ``before`` leads through all posts without a gap or an overlap."""
    names = store_large_posts(firebase, user.uid)
    seen: list[str] = []
    query = {"limit": str(POSTS)}
    while "before" in query or not seen:
        # Asked without a check of the answer: such posts are larger than Threads takes.
        answer = requests.get(th_posts.url, headers=user.headers, params=query, timeout=60)
        assert len(answer.content) < 0.4 * MEBIBYTE
        seen += [it["postId"] for it in answer.json()["posts"]]
        query = {name: it for name, it in answer.json().items() if name == "before"}
    assert seen == names
