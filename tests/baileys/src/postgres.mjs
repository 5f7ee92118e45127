// An auth state in PostgreSQL as companies write it: the tables whatsapp_keys and whatsapp_auth.

import pg from 'pg'

/** Opens the state of `company` in the database `url` (a libpq URL, or host, port and so on). */
export async function usePostgresAuthState({ BufferJSON, proto }, { connection, company }) {
  const client = new pg.Client(connection)
  await client.connect()
  const { replacer, reviver } = BufferJSON
  const revived = value => JSON.parse(JSON.stringify(value), reviver)
  const found = await client.query('SELECT creds FROM whatsapp_auth WHERE company_id = $1', [company])
  if (!found.rows.length) throw new Error('the company has no creds')
  const creds = revived(found.rows[0].creds)

  async function get(type, ids) {
    const { rows } = await client.query(
      'SELECT key_id, value FROM whatsapp_keys WHERE company_id = $1 AND key_type = $2 AND key_id = ANY($3)',
      [company, type, ids]
    )
    // As useMultiFileAuthState does: the library asks for this type as a message.
    const read = value =>
      type === 'app-state-sync-key'
        ? proto.Message.AppStateSyncKeyData.fromObject(revived(value))
        : revived(value)
    return Object.fromEntries(rows.map(({ key_id, value }) => [key_id, read(value)]))
  }

  async function set(data) {
    await client.query('BEGIN')
    try {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries)) await write(type, id, value)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
  }

  const write = (type, id, value) =>
    value
      ? client.query(
          `INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES ($1, $2, $3, $4)
           ON CONFLICT (company_id, key_type, key_id) DO UPDATE SET value = excluded.value, updated_at = now()`,
          [company, type, id, JSON.stringify(value, replacer)]
        )
      : client.query(
          'DELETE FROM whatsapp_keys WHERE company_id = $1 AND key_type = $2 AND key_id = $3',
          [company, type, id]
        )

  const saveCreds = () =>
    client.query('UPDATE whatsapp_auth SET creds = $2 WHERE company_id = $1', [
      company,
      JSON.stringify(creds, replacer)
    ])
  return { state: { creds, keys: { get, set: queued(set) } }, saveCreds }
}

/** One after another: a connection has one transaction at a time. */
function queued(work) {
  let last = Promise.resolve()
  return data => (last = last.catch(() => {}).then(() => work(data)))
}
