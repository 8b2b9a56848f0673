"""Repeats the proof of docs/ledger.md on a SQLite database, with Python's standard library alone.

    python3 docs/reverify.py data/onecard.db
    python3 docs/reverify.py --ledger data/onecard.db   # without what explains the transfers

Ends with an error that names the row at the first thing that does not hold.
"""

import hashlib
import sqlite3
import struct
import sys
import uuid
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


COMMAND, FACT = 1, 2
DAY = 86_400_000_000
SHANGHAI = 8 * 3_600_000_000
# The cases that may stand behind money in suspense: of a payment that is paid, and of no payment.
OF_PAID = ("second_payment", "purpose_unavailable")
OF_STRAY = (
    "no_order", "other_school", "second_transaction", "refunded_at_provider", "merchant", "amount",
    "payer",
)


def account(school, path):
    return sha256(b"onecard-account-v1|", i64(school), path.encode())[:16]


def of_person(school, person, name):
    return account(school, f"person/{uuid.UUID(bytes=person)}/{name}")


def day_of(micros):
    return (micros + SHANGHAI) // DAY


class Explained:
    """Compares each transfer with the charge, the payment or the case that explains it. A kind that is
    not in `kinds` explains itself by nothing."""

    def __init__(self, db):
        self.db = db
        self.kinds = {
            "received": self.received, "spent": self.spent, "spent_back": self.spent_back,
            "refund_held": self.refund_held, "refunded": self.refunded,
            "refund_returned": self.refund_returned, "surplus_credited": self.surplus_credited,
        }
        self.kinds |= {"fee": self.fee, "coupon": self.coupon, "corrected": self.corrected}
        self.kinds["adjusted"] = self.adjusted
        self.by_row = defaultdict(int)

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    def check(self, school, kind, reference, person, nature, day, legs):
        hold(kind in self.kinds, f"no room posts transfers of the kind {kind!r}")
        expected = self.kinds[kind](school, reference, legs)
        hold(expected, f"{kind} {reference}: nothing explains it")
        hold((person, nature, day, legs) == expected, f"{kind} {reference}: differs from its row")

    def charge(self, school, reference):
        terminal, _, seq = reference.partition(":")
        row = self.one(
            "SELECT c.person_id, m.code, c.amount_fen, c.from_e_account_fen, c.at, c.reversed_at"
            " FROM charge c JOIN merchant m ON m.id = c.merchant_id"
            " WHERE c.terminal_id = ? AND c.seq = ? AND c.school_id = ?",
            bytes.fromhex(terminal), int(seq), school,
        )
        if not row:
            return None
        person, merchant, amount, from_e_account, at, reversed_at = row
        transition = of_person(school, person, "transition")
        legs = [
            (of_person(school, person, "e_account"), transition, from_e_account),
            (transition, account(school, f"merchant/{merchant}"), amount),
        ]
        return person, [leg for leg in legs if leg[2]], at, reversed_at

    def spent(self, school, reference, _legs):
        row = self.charge(school, reference)
        if not row:
            return None
        person, legs, at, _ = row
        self.by_row["spent"] += 1
        return person, COMMAND, day_of(at), legs

    def spent_back(self, school, reference, _legs):
        row = self.charge(school, reference)
        if not row or row[3] is None:
            return None
        person, legs, _, reversed_at = row
        self.by_row["spent_back"] += 1
        back = [(target, source, amount) for source, target, amount in reversed(legs)]
        return person, COMMAND, day_of(reversed_at), back

    def has_case(self, school, whys, reference):
        return any(
            self.one(
                "SELECT 1 FROM review_case WHERE school_id = ? AND kind = 'payment' AND subject = ?",
                school, f"{why}:{reference}",
            )
            for why in whys
        )

    def received(self, school, reference, legs):
        provider, merchant, transaction = reference.split(":", 2)
        clearing = account(school, f"clearing/{provider}")
        suspense = account(school, "suspense")
        row = self.one(
            "SELECT o.id, o.person_id, o.purpose, o.amount_fen, p.amount_fen, p.paid_at"
            " FROM payment p JOIN orders o ON o.id = p.order_id WHERE p.state = 'paid'"
            " AND p.provider = ? AND p.merchant = ? AND p.transaction_id = ? AND o.school_id = ?",
            provider, merchant, transaction, school,
        )
        if not row:
            # A case explains suspense alone; the day and the amount are the provider's word.
            if not self.has_case(school, OF_STRAY, reference):
                return None
            day = self.one(
                "SELECT value_day FROM transfer WHERE school_id = ? AND kind = 'received'"
                " AND reference = ?", school, reference,
            )[0]
            return None, FACT, day, [(clearing, suspense, legs[0][2])]
        order, person, purpose, price, amount, paid_at = row
        self.by_row["received"] += 1
        if self.has_case(school, OF_PAID, reference):
            return None, FACT, day_of(paid_at), [(clearing, suspense, amount)]
        if purpose != "card_top_up" or price != amount:
            return None
        for other in self.db.execute(
            "SELECT provider || ':' || merchant || ':' || transaction_id FROM payment"
            " WHERE order_id = ? AND state = 'paid'", (order,),
        ).fetchall():
            if other[0] != reference and not self.has_case(school, OF_PAID, other[0]):
                return None
        e_account = of_person(school, person, "e_account")
        return person, FACT, day_of(paid_at), [(clearing, e_account, amount)]

    def refund(self, where, values):
        return self.one(
            "SELECT person_id, provider, amount_fen, source, state, approved_at, returned_at, ended_at"
            f" FROM refund WHERE {where}", *values,
        )

    def refund_held(self, school, reference, _):
        row = self.refund("school_id = ? AND id = ?", (school, bytes.fromhex(reference)))
        if row is None or row[3] != "e_account" or row[5] is None:
            return None
        self.by_row["refund_held"] += 1
        legs = [(of_person(school, row[0], "e_account"), of_person(school, row[0], "refund"), row[2])]
        return row[0], COMMAND, day_of(row[5]), legs

    def refund_returned(self, school, reference, _):
        row = self.refund("school_id = ? AND id = ?", (school, bytes.fromhex(reference)))
        if row is None or row[3] != "e_account" or row[6] is None:
            return None
        self.by_row["refund_returned"] += 1
        legs = [(of_person(school, row[0], "refund"), of_person(school, row[0], "e_account"), row[2])]
        return row[0], FACT, day_of(row[6]), legs

    def surplus_credited(self, school, reference, _):
        row = self.refund("school_id = ? AND id = ?", (school, bytes.fromhex(reference)))
        if row is None or row[3] != "suspense" or row[6] is None:
            return None
        self.by_row["surplus_credited"] += 1
        legs = [(account(school, "suspense"), of_person(school, row[0], "e_account"), row[2])]
        return row[0], FACT, day_of(row[6]), legs

    def refunded(self, school, reference, _):
        row = self.refund(
            "school_id = ? AND provider || ':' || merchant_number || ':' || CASE WHEN provider = 'alipay'"
            " AND why = 'provider' THEN transaction_id || ':' ELSE '' END || refund_number = ?",
            (school, reference),
        )
        if row is None or row[4] != "done":
            return None
        self.by_row["refunded"] += 1
        person, provider, amount, source, _, approved_at, returned_at, ended_at = row
        clearing = account(school, f"clearing/{provider}")
        if source == "suspense" and returned_at is None:
            return None, FACT, day_of(ended_at), [(account(school, "suspense"), clearing, amount)]
        held = source == "e_account" and approved_at is not None and returned_at is None
        origin = of_person(school, person, "refund" if held else "e_account")
        return person, FACT, day_of(ended_at), [(origin, clearing, amount)]

    def bill_row(self, reference):
        return self.one(
            "SELECT school_id, day, entry, fee_fen, coupon_fen FROM bill_row"
            " WHERE provider = ? AND merchant_number = ? AND number = ?",
            *reference.split(":", 2),
        )

    def of_bill(self, school, reference, kind, amount):
        """An amount below zero goes from clearing to the account."""
        row = self.bill_row(reference)
        if not row or row[0] != school or not amount(row):
            return None
        self.by_row[kind] += 1
        ends = [account(school, kind), account(school, f"clearing/{reference.split(':')[0]}")]
        source, target = ends if amount(row) > 0 else reversed(ends)
        return None, FACT, row[1], [(source, target, abs(amount(row)))]

    def fee(self, school, reference, _legs):
        return self.of_bill(school, reference, "fee", lambda row: row[3])

    def coupon(self, school, reference, _legs):
        back = {"payment": 1, "refund": -1}
        return self.of_bill(school, reference, "coupon", lambda row: row[4] * back[row[2]])

    def corrected(self, school, reference, _legs):
        row = self.one(
            "SELECT r.school_id, o.person_id, r.stake_fen - r.corrected_fen, r.accepted_at FROM bill_repair r"
            " JOIN payment p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id"
            " WHERE r.approval_id = ? AND r.repair = 'correct_balance'", uuid.UUID(reference).bytes,
        )
        if not row or row[0] != school:
            return None
        self.by_row["corrected"] += 1
        _, person, stake, at = row
        ends = [account(school, "adjustment"), of_person(school, person, "e_account")]
        source, target = ends if stake > 0 else reversed(ends)
        return person, FACT if stake > 0 else COMMAND, day_of(at), [(source, target, abs(stake))]

    def adjusted(self, school, reference, _legs):
        row = self.one(
            "SELECT school_id, subject_id, kind, amount_fen, decided_at FROM approval"
            " WHERE id = ? AND kind IN ('adjust_up', 'adjust_down') AND state = 'approved'",
            uuid.UUID(reference).bytes,
        )
        if not row or row[0] != school:
            return None
        self.by_row["adjusted"] += 1
        _, person, kind, amount, at = row
        up = kind == "adjust_up"
        ends = [account(school, "adjustment"), of_person(school, person, "e_account")]
        source, target = ends if up else reversed(ends)
        return person, FACT if up else COMMAND, day_of(at), [(source, target, amount)]

    def close(self):
        rows = {
            "adjusted": "SELECT COUNT(*) FROM approval WHERE kind IN ('adjust_up', 'adjust_down')"
            " AND state = 'approved'",
            "corrected": "SELECT COUNT(*) FROM bill_repair WHERE repair = 'correct_balance'",
            "fee": "SELECT COUNT(*) FROM bill_row WHERE fee_fen <> 0",
            "coupon": "SELECT COUNT(*) FROM bill_row WHERE coupon_fen <> 0",
            "received": "SELECT COUNT(*) FROM payment WHERE state = 'paid'",
            "spent": "SELECT COUNT(*) FROM charge",
            "spent_back": "SELECT COUNT(reversed_at) FROM charge",
            "refund_held": "SELECT COUNT(approved_at) FROM refund WHERE source = 'e_account'",
            "refunded": "SELECT COUNT(*) FROM refund WHERE state = 'done'",
            "refund_returned": "SELECT COUNT(returned_at) FROM refund WHERE source = 'e_account'",
            "surplus_credited": "SELECT COUNT(returned_at) FROM refund WHERE source = 'suspense'",
        }
        for kind, sql in rows.items():
            hold(self.one(sql)[0] == self.by_row[kind], f"rows without a transfer of kind {kind}")


ledger_alone = sys.argv[1] == "--ledger"
db = sqlite3.connect(f"file:{sys.argv[-1]}?mode=ro", uri=True)
db.execute("BEGIN")  # one view of everything that follows

batches = defaultdict(list)
sums = defaultdict(int)
explained = Explained(db)
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
    if not ledger_alone:
        explained.check(school, kind, reference, person, nature, day, legs)
    for source, target, amount in legs:
        sums[source] -= amount
        sums[target] += amount

def digest_of(batch):
    return sha256(b"onecard-batch-v1|", *batches[batch])


heads, sealed = {}, set()
for school, position, first, listed, transfers, digest, sealed_at, hash in db.execute(
    "SELECT school_id, position, batch_id, batches, transfers, digest, sealed_at, hash FROM seal"
    " ORDER BY school_id, position"
):
    name = f"seal {position} of school {school}"
    last, before = heads.get(school, (0, bytes(32)))
    if listed is None:  # the form of earlier releases: a seal for each batch
        turn = [first]
        label, named = b"onecard-seal-v1|", first
        computed = digest_of(first)
    else:
        turn = [listed[at : at + 16] for at in range(0, len(listed), 16)]
        hold(turn and turn[0] == first, f"first batch of {name}")
        label, named = b"onecard-seal-v2|", u64(len(turn)) + b"".join(turn)
        computed = sha256(b"onecard-batches-v1|", *map(digest_of, turn))
    link = sha256(
        label, i64(school), i64(position), named, i32(transfers), digest, i64(sealed_at), before
    )
    hold(position == last + 1 and hash == link, name)
    for batch in turn:
        hold(batch in batches and batch not in sealed, f"batch {batch.hex()} of {name}")
        sealed.add(batch)
    hold(transfers == sum(len(batches[batch]) for batch in turn), f"number of transfers of {name}")
    hold(digest == computed, f"digest of {name}")
    heads[school] = (position, hash)
for school, position, hash in db.execute("SELECT school_id, position, hash FROM seal_head"):
    hold(heads.get(school, (0, bytes(32))) == (position, hash), f"head of school {school}")
for batch, transfers, digest in db.execute("SELECT batch_id, transfers, digest FROM unsealed"):
    hold(batch not in sealed, f"batch {batch.hex()} is sealed and waits")
    hold(transfers == len(batches[batch]), f"number of transfers of batch {batch.hex()}")
    hold(digest == digest_of(batch), f"digest of batch {batch.hex()}")
    sealed.add(batch)
hold(sealed == set(batches), "a batch is neither sealed nor waiting")
if not ledger_alone:
    explained.close()

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
