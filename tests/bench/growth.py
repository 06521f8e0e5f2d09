"""How the cost of a request grows with what lies around it: a table, and a picture of it.

Firestore bills documents, so documents are counted: read, written and deleted, as in ``counts``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from emulator.suite.paths import ROOT
from tests.bench.counts import DAY, Act, allowed, ask, cost_of, let_be_due, put_posts
from tests.bench.picture import Panel, drawn
from tests.unit.all_functions import NOW
from tests.unit.windows import PROFILE, Windows
from tests.unit.world import ACCOUNT, UID, account_path, made, summary_path
from threads.posts.ledger import State

PICTURE = ROOT / "docs" / "growth.svg"

Plant = Callable[[Windows, int], None]


# --- what there may be much of ------------------------------------------------------------------------------


def accounts_of_the_user(world: Windows, number: int) -> None:
    """Connect further accounts to the user whose requests are counted."""
    fields, summary = world.account().fields, world.summary() or {}
    ids = [str(17900000000000000 + it) for it in range(number - 1)]
    for account_id in ids:
        world.database.put(account_path(UID, account_id), {**fields, "accountId": account_id})
    cards = dict.fromkeys((ACCOUNT, *ids), summary["accounts"][ACCOUNT])
    world.database.put(summary_path(UID), {**summary, "accounts": cards, "connectedCount": number})


def accounts_of_others(world: Windows, number: int) -> None:
    """Connect an account to each of many users; none of their tokens is due."""
    fields = world.account().fields
    for it in range(number):
        world.database.put(account_path(f"user{it}", ACCOUNT), fields)


def posts_that_are_out(world: Windows, number: int) -> None:
    """Write posts of the user that were published."""
    put_posts(world, number, State.PUBLISHED)


def posts_that_wait(world: Windows, number: int) -> None:
    """Write posts of the user that wait for tomorrow."""
    put_posts(world, number)


AXES: dict[str, tuple[Plant, Sequence[int]]] = {
    "accounts of the user": (accounts_of_the_user, (1, 100, 2000)),
    "posts of the user that are out": (posts_that_are_out, (1, 100, 10_000)),
    "posts of the user that wait": (posts_that_wait, (1, 100, 7000)),
    "accounts of other users": (accounts_of_others, (1, 100, 10_000)),
}
"""What there may be much of, and how much of it. A summary has room for about 2,000 accounts of a user,
and no more than 7,500 posts of an account may wait."""


# --- the requests -------------------------------------------------------------------------------------------


def _text(world: Windows) -> Act:
    world.say(made("1"))
    return lambda: ask(world, "publish_threads", json={"text": "Hello", "accountId": ACCOUNT})


def _scheduling(world: Windows) -> Act:
    body = {"text": "Hello", "accountId": ACCOUNT, "scheduledTime": (NOW + DAY).isoformat()}
    return lambda: ask(world, "publish_threads", json=body)


def _connecting(world: Windows) -> Act:
    world.is_person(PROFILE | {"id": "17841400000000001"})
    query = allowed(world)
    return lambda: ask(world, "th_auth_callback", "GET", by="nobody", query_string=query)


def _refreshing(world: Windows) -> Act:
    let_be_due(world)
    return lambda: ask(world, "th_refresh_tokens", by="google", json={"userId": UID, "accountId": ACCOUNT})


REQUESTS: dict[str, Callable[[Windows], Act]] = {
    "a text": _text,
    "scheduling a text": _scheduling,
    "connecting a further account": _connecting,
    "refreshing a token": _refreshing,
    "a sweep, nothing is due": lambda world: lambda: ask(world, "th_refresh_tokens", by="google"),
    "th_upkeep, nothing is late": lambda world: lambda: ask(world, "th_upkeep", by="google"),
    "th_posts, a page": lambda world: lambda: ask(world, "th_posts", "GET"),
    "th_accounts": lambda world: lambda: ask(world, "th_accounts", "GET"),
}


def _documents(plant: Plant, number: int, request: Callable[[Windows], Act]) -> int:
    world = Windows()
    world.clock.now = NOW
    world.connect(ACCOUNT, at=NOW)
    plant(world, number)
    return cost_of(world, request(world)).documents


def measured() -> dict[str, dict[str, list[int]]]:
    """Return the documents of each request, by what there is much of."""
    return {
        axis: {
            what: [_documents(plant, number, request) for number in numbers]
            for what, request in REQUESTS.items()
        }
        for axis, (plant, numbers) in AXES.items()
    }


DUE = (1, 100, 10_000)


def _of_each_due_token(number: int) -> float:
    """Return the documents that a sweep, with all of its pages, needs for each of so many accounts."""
    world = Windows()
    world.clock.now = NOW
    for it in range(number):
        let_be_due(world, uid=f"user{it}")

    def act() -> None:
        body: Mapping[str, object] | None = {}
        while body is not None:
            known = {*world.tasks.refreshes}
            ask(world, "th_refresh_tokens", by="google", json=body)
            new = [task for name, (task, _) in world.tasks.refreshes.items() if name not in known]
            body = next((task for task in new if "after" in task), None)

    return cost_of(world, act).documents / number


# --- what is shown ------------------------------------------------------------------------------------------


def table() -> Iterator[str]:
    """Count each request at each size, draw the picture, and yield the lines of the table."""
    found = measured()
    PICTURE.write_text(picture(found), encoding="utf-8")
    yield "| documents of a request, with | " + " | ".join(map(heading, AXES)) + " |"
    yield "|---" * (len(AXES) + 1) + "|"
    for what in REQUESTS:
        yield f"| {what} | " + " | ".join(shown(found[axis][what]) for axis in AXES) + " |"
    yield ""
    yield "| tokens that are due | documents for each, in the hourly sweep with its further pages |"
    yield "|---|---|"
    for number in DUE:
        yield f"| {number:,} | {_of_each_due_token(number):.2f} |"


def heading(axis: str) -> str:
    """Return what there is much of, with the sizes."""
    return f"{', '.join(f'{number:,}' for number in AXES[axis][1])} {axis}"


def shown(documents: Sequence[int]) -> str:
    """Return one number where it is the same at every size."""
    return str(documents[0]) if len({*documents}) == 1 else ", ".join(map(str, documents))


def picture(found: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """Return the picture of what was counted."""
    title = "Documents that a request reads, writes and deletes"
    return drawn(title, [Panel(axis, AXES[axis][1], lines) for axis, lines in found.items()])
