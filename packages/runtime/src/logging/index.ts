import { pino, type Logger } from 'pino'

export type { Logger }

/** JSON lines on stdout, named after the application; addresses with passwords are redacted by `redactUrl`. */
export function createLogger(name: string, level = 'info'): Logger {
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime })
}

/** The address without its password. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/([^:@/]*):[^@/]*@/, '//$1:***@')
}
