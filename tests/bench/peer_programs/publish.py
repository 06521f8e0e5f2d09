"""Publish texts with pythreads, as the measurement asks for them. pythreads' own Python runs this file.

The first line of the input is JSON with ``graph``, ``account`` and ``token``. Each further line is a text,
and is answered with the seconds that it took.
"""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta

os.environ["CI"] = "1"  # without it, pythreads wants the certificate of a server for its OAuth part

import aiohttp
import pythreads.threads
from pythreads.api import API
from pythreads.credentials import Credentials


async def publish_each() -> None:
    """Publish each line of the input, all of them over one connection."""
    told = json.loads(sys.stdin.readline())
    pythreads.threads.GRAPH_API_BASE_URL = f"{told['graph']}/v1.0/"
    credentials = Credentials(
        user_id=told["account"],
        scopes=["threads_basic", "threads_content_publish"],
        short_lived=False,
        access_token=told["token"],
        expiration=datetime.now(UTC) + timedelta(days=60),
    )
    async with aiohttp.ClientSession() as session, API(credentials, session) as api:
        while text := sys.stdin.readline():
            began = time.perf_counter()
            await api.publish_container(await api.create_container(text.strip()))
            sys.stdout.write(f"{time.perf_counter() - began}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(publish_each())
