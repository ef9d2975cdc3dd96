"""Checks a job before it runs, and seals what it leaves behind: `loupe import` takes back only what this has sealed.

`python loupe_return.py STEPS` seals result/model of a run that ended without doing so.
"""
import hashlib
import json
import os
import sys
from importlib import metadata

KEPT = (".safetensors", ".json", ".jinja", ".txt")  # a pickle could run code where it is opened: none is sealed


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def checked_job(folder):
    """The job's manifest, after every file of it was found to be as it was exported."""
    with open(os.path.join(folder, "job.json"), encoding="utf-8") as file:
        job = json.load(file)
    for entry in job["files"] + [{**entry, "path": "checkpoint/" + entry["path"]} for entry in job["start"]["files"]]:
        path = os.path.join(folder, entry["path"])
        if not os.path.isfile(path):
            raise SystemExit(f"{entry['path']} is missing: copy the whole job folder" + (", and put the weights into checkpoint/." if entry["path"].endswith(".safetensors") else "."))
        if sha256(path) != entry["sha256"]:
            raise SystemExit(f"{entry['path']} is not as it was exported: copy the job folder again.")
    return job


def seal(folder, job, kind, steps, packages):
    """Writes result/returned.json over result/model."""
    model = os.path.join(folder, "result", "model")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    files = [{"path": name, "bytes": os.path.getsize(os.path.join(model, name)), "sha256": sha256(os.path.join(model, name))}
             for name in sorted(os.listdir(model)) if name.endswith(KEPT) and os.path.isfile(os.path.join(model, name))]
    returned = {"version": 1, "job": sha256(os.path.join(folder, "job.json")), "kind": kind, "steps": steps, "versions": versions, "files": files}
    path = os.path.join(folder, "result", "returned.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(returned, file, indent=1)
    os.replace(path + ".part", path)
    print(f"loupe: {path} is sealed; bring the folder back and run: loupe import {os.path.basename(folder)}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        raise SystemExit(__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    found = checked_job(here)
    seal(here, found, found["trains"], int(sys.argv[1]), ["verl", "trl", "vllm", "transformers", "torch", "ray"])
