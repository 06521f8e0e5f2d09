"""The functions as ``main.py`` defines them, but with a second of patience for a body."""

from datetime import timedelta

from main import *  # noqa: F403 - functions-framework looks for the functions in this file
from threads.functions import request

request.BODY_TIME = timedelta(seconds=1)
