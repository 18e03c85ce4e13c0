import { watch, type FSWatcher } from 'node:fs'
import type { Logger } from '@faultline/runtime/logging'

/**
 * Wakes its one reader when something happens in a folder. Events are a hint and not needed: where the system has none left
 * to give, or the folder is on a network, polling finds everything as well, later.
 */
export class FolderWatch {
  #watcher: FSWatcher | undefined
  #happened = false
  #wake: (() => void) | undefined

  constructor(folder: string, logger: Logger) {
    const giveUp = (error: unknown): void => {
      logger.warn({ err: error, folder }, 'no file events from the system; polling alone')
      this.close()
    }
    try {
      this.#watcher = watch(folder, () => {
        this.#happened = true
        this.#wake?.()
      })
      this.#watcher.on('error', giveUp)
    } catch (error) {
      giveUp(error)
    }
  }

  /** Resolves when something has happened since the last call, after `timeoutMs`, or when the signal aborts. */
  async next(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#happened && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', this.#wake, { once: true })
      })
      if (this.#wake !== undefined) signal.removeEventListener('abort', this.#wake)
      this.#wake = undefined
    }
    this.#happened = false
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
