/**
 * Where the client and the document differ on purpose. Each entry fails the check once the
 * document has caught up, so that none outlives its reason.
 */

/** Properties that the document calls a text, though the server only sends these values. */
export const narrowed = {
  'OrderView.state': ['awaiting_payment', 'paid', 'fulfilled', 'closed', 'refunding', 'refunded'],
  'RefundView.state': ['requested', 'sent', 'done', 'failed'],
  'CodeUsed.purpose': ['pay', 'id'],
  'CodeRefused.purpose': ['pay', 'id'],
  'DoorRead.purpose': ['pay', 'id'],
  'DoorRead.decision': ['open', 'refuse'],
}

/** Lists that the client sends back as the server gave them, whatever is in them. */
export const echoed = ['ConsentBody.items']

/** The document with the differences made good. */
export function withGaps(document) {
  const changed = structuredClone(document)
  const { schemas } = changed.components
  for (const [name, values] of Object.entries(narrowed)) {
    const [schema, property] = name.split('.')
    const found = schemas[schema]?.properties?.[property]
    if (found === undefined) throw new Error(`gaps: the document has no ${name}`)
    if (found.enum !== undefined || found.$ref !== undefined) {
      throw new Error(`gaps: the document now lists the values of ${name}; remove the entry`)
    }
    found.enum = values
  }
  for (const name of echoed) {
    const [schema, property] = name.split('.')
    const found = schemas[schema]?.properties?.[property]
    if (found?.type !== 'array') throw new Error(`gaps: the document has no list ${name}`)
    if (found.items.type === 'string') throw new Error(`gaps: ${name} takes any text; remove it`)
    found.items = { type: 'string' }
  }
  // The ids are not unique, which the generator refuses. Nothing here needs them.
  for (const operation of Object.values(changed.paths).flatMap(Object.values)) {
    delete operation.operationId
  }
  return changed
}
