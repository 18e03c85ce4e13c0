import type { z } from 'zod'
import { invalidArgument, type FieldProblem } from './problem.ts'
import type { JsonRoute, ValidRequest } from './route.ts'

const nothing = Object.freeze({})

/** A request as it came, taken apart but not looked at. */
interface RequestParts {
  readonly params: unknown
  readonly query: unknown
  readonly body?: unknown
}

/**
 * Passes the three parts of a request through the route's schemas.
 * @throws FaultlineError ARGUMENT_INVALID that names every field at fault
 */
export function validRequest(
  route: JsonRoute,
  request: RequestParts,
): ValidRequest<unknown, unknown, unknown> {
  const problems: FieldProblem[] = []
  const params = check(route.params, request.params, '/params', problems)
  const query = check(route.query, request.query, '/query', problems)
  const body = check(route.body, request.body, '/body', problems)
  if (problems.length > 0) throw invalidArgument(problems)
  return { params, query, body }
}

const problemsMax = 20

function check(
  schema: z.ZodType | undefined,
  value: unknown,
  pointer: string,
  problems: FieldProblem[],
): unknown {
  if (schema === undefined) return nothing
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues.slice(0, problemsMax)) {
    // A name that the caller made up is shown cut, so that an answer never grows with the request.
    const path = issue.path.map((part) => `/${String(part).slice(0, 100)}`).join('')
    problems.push({ pointer: `${pointer}${path}`, detail: issue.message.slice(0, 300) })
  }
  return undefined
}
