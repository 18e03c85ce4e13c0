import { z } from 'zod'

/** What `GET /status` of the control socket answers, and `faultline status --json` prints. */
export const stackStatus = z.object({
  running: z.literal(true),
  /** What the supervisor is doing: `up` reaches `running` once every back end serves. */
  phase: z.enum(['starting', 'running', 'stopping']),
  home: z.string(),
  pageUrl: z.string(),
  supervisorPid: z.number(),
  processes: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['back-end', 'app']),
      pid: z.number().nullable(),
      state: z.enum(['stopped', 'starting', 'running', 'stopping', 'backing-off', 'failed']),
      restarts: z.number(),
      deaths: z.number(),
      since: z.number(),
      lastExit: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
  /** The environment that programs outside the stack connect with. */
  environment: z.record(z.string(), z.string()),
})
export type StackStatus = z.infer<typeof stackStatus>
