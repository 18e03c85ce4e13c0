import { FaultlineError } from '@faultline/runtime/errors'

/** What a script answers that cannot be: a mistake of ours, or another version's script. */
export function unknownReply(script: string, reply: unknown): FaultlineError {
  return new FaultlineError('SCRIPT_REPLY_UNKNOWN', `${script} answered what it cannot answer`, {
    context: { script, reply: JSON.stringify(reply).slice(0, 200) },
  })
}
