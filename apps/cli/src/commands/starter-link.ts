import type { StackEvent } from '@faultline/stack/stack-event'
import type { ReadySummary } from '../up-view.ts'

/** What a background `up` tells the one that started it. */
export type StarterMessage =
  | { readonly event: StackEvent }
  | { readonly ready: ReadySummary }
  | { readonly failed: { readonly message: string; readonly remedy: string | undefined } }

/** The background's end of the channel to its starter. */
export interface StarterLink {
  send(message: { readonly event: StackEvent }): void
  /** The last message: the starter goes its own way after it. */
  finish(message: Exclude<StarterMessage, { readonly event: StackEvent }>): void
  /** Called when the starter went away before it was told the end: nobody waits for this stack any more. */
  onLost(listener: () => void): void
}

export function starterLink(): StarterLink {
  let finished = false
  return {
    send: (message) => {
      if (!finished && process.connected) process.send?.(message)
    },
    finish: (message) => {
      finished = true
      if (!process.connected) return
      process.send?.(message, undefined, undefined, () => {
        if (process.connected) process.disconnect()
      })
    },
    onLost: (listener) => {
      process.once('disconnect', () => {
        if (!finished) listener()
      })
    },
  }
}
