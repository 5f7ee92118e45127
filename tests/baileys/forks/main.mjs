// Writes session directories with forks of Baileys and lets everybody talk again after a cleanup. No network is used.
//
//   node main.mjs write '{"library": "whaileys", "out": "DIR/session", "peers": "DIR/peers", "now": 1700000000}'
//   node main.mjs check '{"library": "whaileys", "session": "DIR/session", "peers": "DIR/peers"}'
//
// One JSON document comes out. Exit code: 0 good, 1 somebody is not understood, 2 the tool could not do its work.

import { write } from './src/write.mjs'
import { check } from './src/check.mjs'

// libsignal reports session changes on the console, which would get in the way of the one document.
for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[level] = () => {}

function end(code, document) {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`, () => process.exit(code))
}

try {
  const [name, argument = '{}'] = process.argv.slice(2)
  const command = { write, check }[name]
  if (!command) throw new Error('use: node main.mjs write|check JSON')
  const result = await command(JSON.parse(argument))
  end(result.passed === false ? 1 : 0, result)
} catch (error) {
  end(2, { error: error.message, stack: error.stack })
}
