// Writes genuine Baileys session directories and checks them with the real library. No network is
// used.
//
//   node main.mjs write '{"scenario": "emergency", "out": "DIR/session", "peers": "DIR/peers"}'
//   node main.mjs check '{"session": "DIR/session", "peers": "DIR/peers"}'
//   node main.mjs talk '{"session": "DIR/session", "peers": "DIR/peers"}'
//   node main.mjs judge '{"session": "DIR/session", "peers": "DIR/peers"}'
//   node main.mjs login '{"session": "DIR/session", "lid": "LID:DEVICE@lid"}'
//   node main.mjs begin '{"session": "DIR/session", "pair": true}'
//
// One JSON document comes out. Exit code: 0 good, 1 a property failed, 2 the tool could not do its
// work.

const commands = {
  write: async request => (await import('./src/write.mjs')).write(request),
  talk: async request => (await import('./src/talk.mjs')).talk(request),
  judge: async request => (await import('./src/judge.mjs')).judge(request),
  check: async request => (await import('./src/check.mjs')).check(request),
  login: async request => (await import('./src/login.mjs')).login(request),
  begin: async request => (await import('./src/begin.mjs')).begin(request)
}

// libsignal reports session changes on the console, which would get in the way of the one document.
for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[level] = () => {}

function end(code, document) {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`, () => process.exit(code))
}

try {
  const [name, argument = '{}'] = process.argv.slice(2)
  if (!Object.hasOwn(commands, name ?? ''))
    throw new Error(`use: node main.mjs ${Object.keys(commands).join('|')} JSON`)
  const result = await commands[name](JSON.parse(argument))
  end(result.passed === false ? 1 : 0, result)
} catch (error) {
  end(2, { error: error.message, stack: error.stack })
}
