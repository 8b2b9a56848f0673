"""Signatures of docs/lock-adapter.md, with Python's standard library alone.

    python3 docs/lock-vectors.py            # checks docs/lock-vectors.json
    python3 docs/lock-vectors.py --write    # writes it anew
"""

import hashlib
import hmac
import json
import pathlib
import sys

FILE = pathlib.Path(__file__).with_name("lock-vectors.json")
KEY_ID = "onecard-1"
SECRET = "for-everybody-to-read-never-use-this-secret"
OPEN_ID = "01a1fd48-6077-745e-8d47-bf64b6ee838f"
UNTIL = 1795233615


def digest(body):
    return hashlib.sha256(body.encode()).hexdigest()


def signature(secret, base):
    return hmac.new(secret.encode(), base.encode(), hashlib.sha256).hexdigest()


def request_base(key_id, method, path, time, nonce, body):
    lines = ["onecard-locks-v1 request", method, path, str(time), nonce, digest(body), key_id]
    return "\n".join(lines)


def answer_base(status, request_signature, body):
    return "\n".join(["onecard-locks-v1 answer", str(status), request_signature, digest(body)])


def exchange(name, line, asked, nonce, answered):
    """A request and its answer; `asked` and `answered` are the bodies as sent."""
    method, path = line.split(" ")
    base = request_base(KEY_ID, method, path, UNTIL - 15, nonce, asked)
    signed = signature(SECRET, base)
    answer = answer_base(200, signed, answered)
    headers = {
        "Onecard-Key": KEY_ID,
        "Onecard-Time": str(UNTIL - 15),
        "Onecard-Nonce": nonce,
        "Onecard-Signature": signed,
    }
    return {
        "name": name,
        "request": {"line": line, "body": asked, "base": base, "headers": headers},
        "answer": {
            "status": 200,
            "body": answered,
            "base": answer,
            "headers": {"Onecard-Signature": signature(SECRET, answer)},
        },
    }


def said(outcome, **more):
    return json.dumps({"request_id": OPEN_ID, "outcome": outcome, **more}, ensure_ascii=False)


def vectors():
    wanted = json.dumps({"request_id": OPEN_ID, "open_until": UNTIL}, separators=(",", ":"))
    post = "POST /onecard/v1/locks/D3-402/open"
    get = f"GET /onecard/v1/opens/{OPEN_ID}"
    exchanges = [
        exchange("opened", post, wanted, "9f0c2d6e18b34a75c1d2e3f4", said("opened")),
        exchange("refused", post, wanted, "9f0c2d6e18b34a75c1d2e3f5", said("refused", reason="blocked")),
        exchange("an unknown reason", post, wanted, "9f0c2d6e18b34a75c1d2e3f6", said("refused", reason="门卡住")),
        exchange("not known yet", post, wanted, "9f0c2d6e18b34a75c1d2e3f7", said("not_known_yet")),
        exchange("asked, opened", get, "", "9f0c2d6e18b34a75c1d2e3f8", said("opened")),
        exchange("asked, never received", get, "", "9f0c2d6e18b34a75c1d2e3f9", said("not_received")),
    ]
    note = "The secret is for everybody to read: never use it."
    return {"note": note, "key_id": KEY_ID, "key_secret": SECRET, "exchanges": exchanges}


def check(vectors):
    """Computes every signature from what is sent, and compares."""
    secret = vectors["key_secret"]
    for one in vectors["exchanges"]:
        asked, answered = one["request"], one["answer"]
        method, path = asked["line"].split(" ")
        headers = asked["headers"]
        base = request_base(
            headers["Onecard-Key"], method, path, headers["Onecard-Time"], headers["Onecard-Nonce"], asked["body"]
        )
        told = headers["Onecard-Signature"]
        if base != asked["base"] or not hmac.compare_digest(signature(secret, base), told):
            sys.exit(f"BROKEN: the request of \"{one['name']}\"")
        base = answer_base(answered["status"], told, answered["body"])
        told = answered["headers"]["Onecard-Signature"]
        if base != answered["base"] or not hmac.compare_digest(signature(secret, base), told):
            sys.exit(f"BROKEN: the answer of \"{one['name']}\"")
    print(f"ok: {len(vectors['exchanges'])} exchanges")


if "--write" in sys.argv:
    FILE.write_text(json.dumps(vectors(), ensure_ascii=False, indent=2) + "\n")
check(json.loads(FILE.read_text()))
