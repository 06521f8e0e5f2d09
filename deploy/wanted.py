"""What this folder's files say of functions, queue and indexes. Each fact stays in its file."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class Wanted:
    """The deployment as functions.yaml, queue.yaml and firestore.indexes.json describe it."""

    def __init__(self, project: str, root: Path = ROOT) -> None:
        """Describe the deployment to a project."""
        self.project = project
        self.root = root

    @cached_property
    def endpoints(self) -> Mapping[str, Mapping[str, Any]]:
        """The functions by their names."""
        read: dict[str, Any] = yaml.safe_load((self.root / "functions.yaml").read_text(encoding="utf-8"))
        endpoints: Mapping[str, Mapping[str, Any]] = read["endpoints"]
        return endpoints

    @cached_property
    def region(self) -> str:
        """The region of the functions, which all have the same."""
        regions = {region for endpoint in self.endpoints.values() for region in endpoint["region"]}
        if len(regions) != 1:
            raise ValueError(f"functions.yaml names several regions: {', '.join(sorted(regions))}.")
        return str(regions.pop())

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that at least one function gets."""
        return tuple(dict.fromkeys(key for names in self.secrets_by_function.values() for key in names))

    @cached_property
    def secrets_by_function(self) -> Mapping[str, tuple[str, ...]]:
        """Which secrets each function gets."""
        return {
            name: tuple(secret["key"] for secret in endpoint.get("secretEnvironmentVariables", ()))
            for name, endpoint in self.endpoints.items()
        }

    @cached_property
    def account(self) -> str:
        """The service account that the functions run as."""
        [short] = {str(endpoint["serviceAccount"]) for endpoint in self.endpoints.values()}
        return f"{short}{self.project}.iam.gserviceaccount.com" if short.endswith("@") else short

    @cached_property
    def scheduled(self) -> tuple[str, ...]:
        """The functions that Cloud Scheduler calls."""
        return tuple(name for name, it in self.endpoints.items() if "scheduleTrigger" in it)

    def url(self, function: str) -> str:
        """Return the public URL of a function."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{function}"

    @cached_property
    def queue_flags(self) -> Mapping[str, Any]:
        """The flags in queue.yaml, without their dashes."""
        read: dict[str, Any] = yaml.safe_load((self.root / "queue.yaml").read_text(encoding="utf-8"))
        return {name.removeprefix("--"): value for name, value in read.items()}

    @cached_property
    def overrides(self) -> list[dict[str, Any]]:
        """The expiries and the indexes of single fields, as firestore.indexes.json has them."""
        read = json.loads((self.root / "firestore.indexes.json").read_text(encoding="utf-8"))
        overrides: list[dict[str, Any]] = read["fieldOverrides"]
        return overrides

    def missing_overrides(self, there: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        """Yield what a project's indexes lack: the field, and whether its expiry is missing, not an index."""
        have = {(it["collectionGroup"], it["fieldPath"]): it for it in there.get("fieldOverrides", ())}
        for wanted in self.overrides:
            found = have.get((wanted["collectionGroup"], wanted["fieldPath"]))
            field = f"{wanted['collectionGroup']}.{wanted['fieldPath']}"
            if wanted.get("ttl") and not (found and found.get("ttl")):
                yield field, True
            elif found is None or not _indexes(wanted) <= _indexes(found):
                yield field, False


def _indexes(override: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (it.get("order") or it.get("arrayConfig") or "", it["queryScope"])
        for it in override.get("indexes", ())
    }
