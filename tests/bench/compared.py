"""Functions to compare with: what nobody who uses the same packages can do without.

functions-framework loads this file in place of ``main.py``. Each function does its part with as little code
as it takes, and nothing of what this service promises: no validation, no lease, no answer to a fault.
"""

# ruff: noqa: PLC0415 - an empty function loads nothing; each other one loads its packages with its first request

import os
from functools import cache
from typing import Any

import functions_framework
from flask import Request


@functions_framework.http
def empty(_request: Request) -> str:
    """Answer. What this costs is Python, functions-framework and gunicorn."""
    return "hello"


@functions_framework.http
def floor(request: Request) -> dict[str, Any]:
    """Verify the caller's ID token and write a document, as anything behind Firebase must."""
    user = _user(request)
    _firestore().collection("benchFloor").document().set({"uid": user})
    return {"ok": True}


@functions_framework.http
def same_calls(request: Request) -> dict[str, Any]:
    """Do what a text post costs outside its process, and nothing else."""
    user, text = _user(request), request.get_json()["text"]
    client = _firestore()
    account = client.document(request.args["account"]).get().to_dict()
    record = client.collection(f"users/{user}/bench").document()
    record.create({"text": text})
    answer = (
        _session()
        .post(
            f"{os.environ['THREADS_GRAPH_URL']}/v1.0/me/threads",
            data={"media_type": "TEXT", "text": text, "auto_publish_text": "true"},
            headers={"Authorization": f"Bearer {account['token']}"},
            timeout=15,
        )
        .json()
    )
    batch = client.batch()
    batch.update(record, {"id": answer["id"]})
    batch.create(client.document(f"benchClaims/{answer['id']}"), {"uid": user})
    batch.commit()
    return {"ok": True, "id": answer["id"]}


def _user(request: Request) -> str:
    from firebase_admin import auth

    token = request.headers["Authorization"].removeprefix("Bearer ")
    return str(auth.verify_id_token(token, app=_app())["uid"])


@cache
def _app() -> Any:
    import firebase_admin

    return firebase_admin.initialize_app(options={"projectId": os.environ["GCLOUD_PROJECT"]})


@cache
def _firestore() -> Any:
    from google.cloud import firestore

    return firestore.Client(project=os.environ["GCLOUD_PROJECT"])


@cache
def _session() -> Any:
    import requests

    return requests.Session()
