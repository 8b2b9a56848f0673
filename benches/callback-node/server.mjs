// The reference of `make bench`: callbacks of WeChat Pay and Alipay on Node, Express and SDKs from npm.
//
// It checks what the server checks and commits what the server commits, in the same tables of a
// database of its own: the message, the paid payment and its order, the transfer with its leg, the
// person's balance. It has no chain of seals. One process for each core, prepared statements, one
// pool a process. STORAGE=off answers after the checks.
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import express from 'express'
import * as alipay from './alipay.mjs'
import { receive } from './callback.mjs'
import { readSettings } from './settings.mjs'
import { openStore } from './store.mjs'
import * as wechatPay from './wechat-pay.mjs'

const STATUS = { accepted: 204, refused: 401, unknown: 404, failed: 500 }

const workers = Number(process.env.WORKERS ?? 2)

function lead() {
  const ready = []
  cluster.on('listening', (worker, { port }) => {
    ready.push(worker.process.pid)
    if (ready.length === workers) console.log(JSON.stringify({ port, pids: [process.pid, ...ready] }))
  })
  cluster.on('exit', () => process.exit(1))
  for (let n = 0; n < workers; n += 1) cluster.fork()
}

function work() {
  const settings = readSettings(process.env, readFileSync)
  const store = process.env.STORAGE === 'off' ? undefined : openStore(process.env.DATABASE_URL)
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  // The signature is over the bytes as they came.
  const raw = express.raw({ type: () => true, limit: '64kb' })
  app.post('/callbacks/:school/wechat-pay/transactions', raw, async (request, response) => {
    const ended = await receive(wechatPay.open, settings, store, request)
    if (ended === 'accepted') response.status(STATUS[ended]).end()
    else response.status(STATUS[ended]).json({ code: 'FAIL', message: ended })
  })
  app.post('/callbacks/:school/alipay', raw, async (request, response) => {
    const ended = await receive(alipay.open, settings, store, request)
    response.type('text/plain').send(ended === 'accepted' ? 'success' : 'fail')
  })
  // Its own answer for a body that is too long or breaks off.
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).json({ code: 'FAIL', message: 'unreadable' })
  })
  app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
}

if (cluster.isPrimary) lead()
else work()
