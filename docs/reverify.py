"""Repeats the proof of docs/ledger.md on a SQLite database, with Python's standard library alone.

    python3 docs/reverify.py data/onecard.db

Ends with an error that names the row at the first thing that does not hold.
"""

import hashlib
import sqlite3
import struct
import sys
from collections import defaultdict


def i32(n):
    return struct.pack(">i", n)


def i64(n):
    return struct.pack(">q", n)


def u64(n):
    return struct.pack(">Q", n)


def text(s):
    return u64(len(s.encode())) + s.encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hold(law, what):
    if not law:
        sys.exit(f"BROKEN: {what}")


db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
db.execute("BEGIN")  # one view of everything that follows

batches = defaultdict(list)
sums = defaultdict(int)
for id, school, batch, ordinal, kind, reference, person, nature, at, day, digest in db.execute(
    "SELECT id, school_id, batch_id, ordinal, kind, reference, person_id, nature, at, value_day,"
    " digest FROM transfer ORDER BY batch_id, ordinal"
):
    legs = db.execute(
        "SELECT from_account, to_account, amount_fen FROM leg WHERE transfer_id = ? ORDER BY ordinal",
        (id,),
    ).fetchall()
    computed = sha256(
        b"onecard-transfer-v1|", id, i64(school), batch, i32(ordinal), text(kind), text(reference),
        person or bytes(16), i32(nature), i64(at), i32(day), u64(len(legs)),
        *(source + target + i64(amount) for source, target, amount in legs),
    )
    hold(digest == computed, f"digest of transfer {id.hex()}")
    hold(ordinal == len(batches[batch]), f"place of transfer {id.hex()}")
    batches[batch].append(digest)
    for source, target, amount in legs:
        sums[source] -= amount
        sums[target] += amount

heads, sealed = {}, set()
for school, position, batch, transfers, digest, sealed_at, hash in db.execute(
    "SELECT school_id, position, batch_id, transfers, digest, sealed_at, hash FROM seal"
    " ORDER BY school_id, position"
):
    last, before = heads.get(school, (0, bytes(32)))
    computed = sha256(
        b"onecard-seal-v1|", i64(school), i64(position), batch, i32(transfers), digest,
        i64(sealed_at), before,
    )
    hold(position == last + 1 and hash == computed, f"seal {position} of school {school}")
    hold(transfers == len(batches[batch]), f"number of transfers of batch {batch.hex()}")
    hold(digest == sha256(b"onecard-batch-v1|", *batches[batch]), f"digest of batch {batch.hex()}")
    heads[school] = (position, hash)
    sealed.add(batch)
for school, position, hash in db.execute("SELECT school_id, position, hash FROM seal_head"):
    hold(heads.get(school, (0, bytes(32))) == (position, hash), f"head of school {school}")
for batch, transfers, digest in db.execute("SELECT batch_id, transfers, digest FROM unsealed"):
    hold(batch not in sealed, f"batch {batch.hex()} is sealed and waits")
    hold(transfers == len(batches[batch]), f"number of transfers of batch {batch.hex()}")
    hold(digest == sha256(b"onecard-batch-v1|", *batches[batch]), f"digest of batch {batch.hex()}")
    sealed.add(batch)
hold(sealed == set(batches), "a batch is neither sealed nor waiting")

tails = dict(db.execute("SELECT account_id, SUM(delta_fen) FROM tail GROUP BY account_id"))
totals = defaultdict(int)
for key, school, path, balance in db.execute("SELECT id, school_id, path, balance_fen FROM account"):
    hold(key == sha256(b"onecard-account-v1|", i64(school), path.encode())[:16], f"key of {path}")
    balance += tails.get(key, 0)
    hold(balance == sums.pop(key, 0), f"balance of {path}")
    totals[school] += balance
hold(not sums, "legs move an account that has no row")
hold(not any(totals.values()), f"sums of schools: {dict(totals)}")

for school, (position, hash) in heads.items():
    print(f"school {school}: up to seal {position}, {hash.hex()}")
