// What a settled payment writes, in one transaction, as prepared statements.
import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'

// How many of one process commit side by side.
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 16)

const RECORD = `INSERT INTO notification
  (id, school_id, provider, notification_id, out_trade_no, transaction_id, verdict, body, received_at, ask_at)
  VALUES ($1, $2, $8, $3, $4, $5, 'settled', $6, $7, 0)
  ON CONFLICT (school_id, provider, notification_id) DO NOTHING`

const LOCK = `SELECT p.id, p.state, p.amount_fen, p.merchant, p.app_id, p.payer, p.transaction_id,
    o.id AS order_id, o.person_id, o.state AS order_state, o.school_id
  FROM payment p JOIN orders o ON o.id = p.order_id
  WHERE p.id = $1 FOR UPDATE OF p, o`

const PAY = `WITH paid AS (UPDATE payment SET state = 'paid', transaction_id = $2, paid_at = $3
    WHERE id = $1 AND state = 'open' RETURNING order_id)
  UPDATE orders SET state = 'fulfilled', paid_at = $3 FROM paid
  WHERE orders.id = paid.order_id AND orders.state = 'awaiting_payment'`

const POST = `WITH credited AS (UPDATE account SET balance_fen = balance_fen + $8, version = version + 1
    WHERE person_id = $5 AND path = 'e_account' RETURNING id),
  posted AS (INSERT INTO transfer
    (id, school_id, batch_id, ordinal, kind, reference, person_id, nature, at, value_day, digest)
    VALUES ($1, $2, $3, 0, 'received', $4, $5, 1, $6, $7, $9))
  INSERT INTO leg (transfer_id, ordinal, from_account, to_account, amount_fen)
  SELECT $1, 0, $10, credited.id, $8 FROM credited`

export function openStore(connectionString) {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS })
  return {
    settle: (settings, message) => settle(pool, settings, message),
  }
}

async function settle(pool, settings, message) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await inTransaction(client, settings, message)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

async function inTransaction(client, settings, message) {
  const now = Date.now() * 1000
  const { provider, id, body, merchant, app, number, transaction, fen, payers, paidAt } = message
  await run(client, 'record', RECORD, [
    randomUUID(), settings.schoolId, id, number, transaction, body, now, provider,
  ])
  const { rows: [found] } = await run(client, 'lock', LOCK, [number])
  if (!found || found.merchant !== merchant || found.app_id !== app) throw new Error('not our order')
  if (found.school_id !== settings.schoolId) throw new Error('of another school')
  if (BigInt(found.amount_fen) !== BigInt(fen)) throw new Error('another amount')
  if (!payers.includes(found.payer)) throw new Error('another payer')
  if (found.state === 'paid') {
    if (found.transaction_id !== transaction) throw new Error('paid by another transaction')
    return
  }
  const moved = await run(client, 'pay', PAY, [found.id, transaction, paidAt])
  if (moved.rowCount !== 1) throw new Error('the order moved meanwhile')
  const reference = `${provider}:${merchant}:${transaction}`
  const digest = createHash('sha256').update(`${reference}:${fen}`).digest()
  const posted = await run(client, 'post', POST, [
    randomUUID(), settings.schoolId, randomUUID(), reference, found.person_id, now,
    Math.floor(paidAt / 86_400_000_000), fen, digest, settings.clearingAccount,
  ])
  if (posted.rowCount !== 1) throw new Error('the person has no account')
}

/** Prepared on its connection at the first use. */
const run = (client, name, text, values) => client.query({ name, text, values })
