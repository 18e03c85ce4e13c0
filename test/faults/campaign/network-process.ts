/**
 * The proxies of a campaign, in a process of their own: whatever the campaign is busy with, it must not hold up the product's
 * connections. Started by network.ts, which sends `Start` and then `Call`s; each is answered by its id.
 */
import { FaultProxy } from '../tools/proxy/fault-proxy.ts'
import type { Call, Start } from './network.ts'

const proxies = new Map<string, FaultProxy>()

async function start({ proxies: wanted }: Start): Promise<void> {
  for (const { link, ...options } of wanted) proxies.set(link, await FaultProxy.start(options))
}

/** @returns once it has happened */
async function act({ link, action }: Call): Promise<void> {
  const proxy = proxies.get(link)
  if (proxy === undefined) throw new Error(`no proxy before ${link}`)
  switch (action.kind) {
    case 'behave':
      proxy.behave(action.direction, action.behaviour)
      return
    case 'reset':
      proxy.resetAll()
      return
    case 'refuse':
      proxy.refuse(true)
      proxy.resetAll()
      return
    case 'calm':
      proxy.calm()
      return
    case 'lose reply':
      await proxy.loseNextReply(action.match)
      return
    case 'hold':
      await proxy.holdNext(action.apiKey, action).released
      return
  }
}

process.on('message', (message: Start | Call) => {
  const done = 'proxies' in message ? start(message) : act(message)
  done.then(
    () => process.send?.({ id: message.id }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  )
})
// The campaign is gone, however it ended.
process.on('disconnect', () => {
  process.exit(0)
})
// Ctrl-C reaches the whole group; the product still needs its connections while it is taken down.
process.on('SIGINT', () => undefined)
