"""Rewards for a training engine: every completion is scored by rewards.mjs, the same code that Loupe trains and evaluates with.

The rewards run as a child of each process that asks for them; where LOUPE_REWARD_URL and LOUPE_REWARD_TOKEN are set, a service
that runs already is asked instead. TRL takes `reward_functions()`, verl takes `compute_score`, Ray takes either in its workers.
"""
import atexit
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "rewards.json"), encoding="utf-8") as _file:
    USES = json.load(_file)  # what the recipe praises: name, mode, weight, options

_LONGEST_WAIT = 120  # seconds for an answer over HTTP


class RewardError(RuntimeError):
    """The rewards could not be computed at all; the run should end here."""


class _Process:
    """One rewards.mjs behind a pipe. Asked by one thread at a time."""

    def __init__(self):
        self._lock = threading.Lock()
        self._child = None
        self._asked = 0
        atexit.register(self.close)

    def ask(self, request):
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self._child = subprocess.Popen(
                    [os.environ.get("LOUPE_NODE", "node"), os.path.join(HERE, "rewards.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._asked += 1
            try:
                self._child.stdin.write(json.dumps({**request, "id": self._asked}).encode() + b"\n")
                self._child.stdin.flush()
                line = self._child.stdout.readline()
            except OSError as error:
                raise RewardError(f"rewards.mjs ended: {error}") from error
            if not line:
                raise RewardError("rewards.mjs ended without an answer.")
            answer = json.loads(line)
            if answer.get("id") != self._asked:
                raise RewardError("rewards.mjs answered another question.")
            return answer

    def close(self):
        if self._child is not None and self._child.poll() is None:
            self._child.stdin.close()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()


_process = _Process()
os.register_at_fork(after_in_child=lambda: globals().update(_process=_Process()))  # a fork must not share a pipe


def _ask(request):
    url = os.environ.get("LOUPE_REWARD_URL")
    if not url:
        return _process.ask(request)
    call = urllib.request.Request(
        url.rstrip("/") + "/score", data=json.dumps(request).encode(),
        headers={"authorization": "Bearer " + os.environ.get("LOUPE_REWARD_TOKEN", ""), "content-type": "application/json"})
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is reached without a proxy
        with opener.open(call, timeout=_LONGEST_WAIT) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return json.loads(error.read() or b"{}")
    except urllib.error.URLError as error:
        raise RewardError(f"The reward service at {url} does not answer: {error.reason}") from error


_told = 0


def score(rows, uses=None):
    """Scores rows ({"completion", "target", …}) by the recipe's rewards: for each row its `reward` (the weighted sum, or None) and its `scores`."""
    global _told
    answer = _ask({"uses": USES if uses is None else uses, "rows": rows})
    if "results" not in answer:
        fault = answer.get("fault", {})
        raise RewardError(" ".join(str(fault.get(part, "")) for part in ("what", "why", "mend")).strip() or "The rewards could not be computed.")
    results = answer["results"]
    if len(results) != len(rows):
        raise RewardError(f"{len(rows)} rows were sent, {len(results)} came back.")
    faults = [fault for result in results for fault in result.get("faults", [])]
    for fault in faults[: max(0, 5 - _told)]:
        _told += 1
        print(f"loupe: {fault['reward']}: {fault['what']} {fault['why']}", file=sys.stderr)
    if rows and all(result["reward"] is None and result.get("faults") for result in results):
        raise RewardError(f"No row of the batch could be scored: {faults[0]['what']} {faults[0]['why']}")
    return results


def text_of(completion):
    """A completion as TRL hands it over: a text, or the messages of a conversation."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def reward_functions(end_tokens, most_tokens, steps):
    """One function for each reward of the recipe, in the order of `reward_weights`."""

    def function_for(use):
        def reward(prompts, completions, completion_ids, question, target, width, height, trainer_state=None, **_):
            rows = [{
                "completion": text_of(completion), "question": question[at], "target": json.loads(target[at]),
                "size": {"width": width[at], "height": height[at]}, "tokens": len(completion_ids[at]), "maxTokens": most_tokens,
                "finished": len(completion_ids[at]) > 0 and completion_ids[at][-1] in end_tokens,
                "step": trainer_state.global_step if trainer_state else 0, "steps": steps,
            } for at, completion in enumerate(completions)]
            return [result["scores"][0] for result in score(rows, [use])]

        reward.__name__ = use["name"]
        return reward

    return [function_for(use) for use in USES]


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """One completion, as verl asks; a row to which no reward applies earns 0."""
    about = extra_info or {}
    row = {"completion": solution_str, "question": about.get("question", ""), "target": json.loads(ground_truth),
           "size": {"width": int(about["width"]), "height": int(about["height"])}}
    (result,) = score([row])
    named = {use["name"]: value for use, value in zip(USES, result["scores"]) if value is not None}
    return {"score": result["reward"] or 0.0, **{f"reward_{name}": named.get(name, 0.0) for name in (use["name"] for use in USES)}}
