// The dry run of a plain script over whatsapp_keys: counts, sizes, ages, and what a rule by age alone would delete.
//
//   node keys.mjs URL

import { createRequire } from 'node:module'

const pg = createRequire(new URL('../../tests/baileys/package.json', import.meta.url))('pg')
const client = new pg.Client(JSON.parse(process.argv[2]))
await client.connect()
const one = async text => (await client.query(text)).rows
const sizes = await one(`SELECT pg_size_pretty(pg_table_size('whatsapp_keys')) AS table,
  pg_size_pretty(pg_indexes_size('whatsapp_keys')) AS indexes, pg_size_pretty(pg_total_relation_size('whatsapp_keys')) AS total`)
const ages = await one(`SELECT count(*) AS total, min(updated_at), max(updated_at),
  count(*) FILTER (WHERE updated_at > now() - interval '1 day') AS day,
  count(*) FILTER (WHERE updated_at > now() - interval '7 days') AS week,
  count(*) FILTER (WHERE updated_at > now() - interval '14 days') AS fortnight,
  count(*) FILTER (WHERE updated_at > now() - interval '30 days') AS month FROM whatsapp_keys`)
const types = await one(`SELECT key_type, count(*) FROM whatsapp_keys
  WHERE updated_at < now() - interval '30 days' GROUP BY key_type ORDER BY 2 DESC`)
console.log(JSON.stringify({ sizes, ages, types }, null, 2))
await client.end()
