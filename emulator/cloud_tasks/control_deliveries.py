"""The controls for deliveries that the schedule does not know of: now, again, and more than once.

A task is named by its whole name or by the id at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify

from emulator.cloud_tasks import attempts, tasks
from emulator.cloud_tasks.control import current_world, done, json_body
from emulator.cloud_tasks.duplicates import read_script
from emulator.cloud_tasks.messages import State
from emulator.jsonbody import Malformed

if TYPE_CHECKING:
    from flask import Response

    from emulator.cloud_tasks.model import Queue, Task
    from emulator.cloud_tasks.world import World

control_deliveries = Blueprint("control_deliveries", __name__, url_prefix="/_emulator")


@control_deliveries.post("/run")
def run() -> Response:
    """Take ``{task?}``: dispatch it now as RunTask does, or every task that waits in a running queue."""
    body, world = json_body(), current_world()
    name = body.text("task", None)
    body.finish()
    if name is not None:
        queue, task = _find(world, name, ended=False)
        tasks.force(world, queue, task)
        return jsonify({"tasks": [task.name]})
    waiting = [
        (queue, task)
        for queue in world.queues.values()
        if queue.message.state == State.RUNNING
        for task in queue.tasks.values()
        if not task.running
    ]
    for queue, task in waiting:
        queue.plan(task, min(task.due, world.now()))
    return jsonify({"tasks": [task.name for _, task in waiting]})


@control_deliveries.post("/deliveries")
def deliver_again() -> Response:
    """Take ``{task}``: one more delivery of it now, also when it has ended; the task does not notice."""
    body, world = json_body(), current_world()
    name = body.text("task")
    body.finish()
    queue, task = _find(world, name, ended=True)
    world.repeat(attempts.latest(world, queue, task), world.now())
    return done()


@control_deliveries.post("/duplicates")
def script_duplicates() -> tuple[Response, int]:
    """Take ``{task?, times?, copies?, gap_seconds?}``: the next deliveries that happen more than once."""
    script = read_script(json_body())
    current_world().scripts.append(script)
    return jsonify(script.as_json()), 201


@control_deliveries.get("/duplicates")
def list_duplicates() -> Response:
    """List the scripts that are not used up."""
    return jsonify({"duplicates": [script.as_json() for script in current_world().scripts]})


@control_deliveries.delete("/duplicates")
def forget_duplicates() -> Response:
    """Forget the scripts, and the duplicates that are not sent yet."""
    current_world().scripts.clear()
    current_world().repetitions.clear()
    return done()


def _find(world: World, name: str, *, ended: bool) -> tuple[Queue, Task]:
    """Return a task by its whole name or its id, and its queue; raises Malformed."""
    for queue in world.queues.values():
        full_name = name if "/" in name else f"{queue.name}/tasks/{name}"
        if full_name in queue.tasks:
            return queue, queue.tasks[full_name]
        if ended and full_name in queue.ended:
            return queue, queue.ended[full_name].task
    raise Malformed(f"there is no task {name}")
