"""Signs requests with the package http-message-signatures, as a terminal would.

Standard input: a JSON object for each line, with key (PEM), key_id, method, url, body, created
(seconds), nonce, label, alg, tag, covered. Standard output: the header fields, a JSON object for each line.
"""

import datetime
import json
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms
from http_message_signatures.digests import ContentDigest


def sign(job):
    key = load_pem_private_key(job["key"].encode(), password=None)
    resolver = MappingKeyResolver(public_keys={}, private_keys={job["key_id"]: key})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    body = job["body"].encode()
    message = SimpleNamespace(method=job["method"], url=job["url"], headers={})
    message.headers["Content-Digest"] = ContentDigest.create(body)
    signer.sign(
        message,
        key_id=job["key_id"],
        created=datetime.datetime.fromtimestamp(job["created"], tz=datetime.timezone.utc),
        nonce=job["nonce"],
        label=job["label"],
        include_alg=job["alg"],
        tag=job.get("tag"),
        covered_component_ids=tuple(job["covered"]),
        use_existing_digest=True,
    )
    return message.headers


for line in sys.stdin:
    print(json.dumps(sign(json.loads(line))), flush=True)
