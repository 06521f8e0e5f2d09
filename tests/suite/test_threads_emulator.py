"""The Threads emulator of the suite: it knows the functions that Threads calls, and they know it."""

import requests

from emulator.suite.suite import Suite

CALLED = {"deauthorize_url": "th_deauthorize", "delete_url": "th_delete_data", "webhook_url": "th_webhook"}


def control(suite: Suite, method: str, path: str) -> dict[str, object]:
    """Call a control of the Threads emulator."""
    response = requests.request(method, f"{suite.threads_url}/_emulator/{path}", timeout=60)
    response.raise_for_status()
    found: dict[str, object] = response.json()
    return found


def test_the_emulator_calls_the_functions_that_meta_calls(suite: Suite) -> None:
    """Each of the three addresses is a function of this suite; webhooks wait until a test wants them."""
    app = requests.get(f"{suite.threads_url}/_emulator/apps", timeout=5).json()["apps"][0]
    assert {name: app[name] for name in CALLED} == {
        name: f"{suite.functions_url}/{function}" for name, function in CALLED.items()
    }
    assert app["webhook_verify_token"]
    assert control(suite, "GET", "settings")["webhooks"] is False


def test_the_functions_believe_the_emulator(suite: Suite) -> None:
    """A request for deletion is signed with the secret that they have, and they confirm it."""
    people = requests.get(f"{suite.threads_url}/_emulator/accounts", timeout=5).json()["accounts"]
    answer = control(suite, "POST", f"accounts/{people[0]['id']}/delete_data")
    assert answer["confirmation_code"]
    assert str(answer["url"]).startswith(f"{suite.functions_url}/th_delete_data?")
