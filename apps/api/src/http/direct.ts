import type { IncomingMessage, ServerResponse } from 'node:http'
import { parse } from 'node:querystring'
import type { RequestTimer } from './request-timer.ts'
import { expressPath, type JsonRoute, type Route } from './route.ts'
import { setHeaders, type HeaderList } from './security-headers.ts'
import { sendAnswer } from './send.ts'
import type { ProblemSender } from './send-problem.ts'
import { validRequest } from './validate.ts'

interface DirectDeps {
  readonly time: RequestTimer
  readonly security: HeaderList
  readonly sendProblem: ProblemSender
}

/** Answers the request if it is one of its own; else nothing has happened. */
export type Direct = (request: IncomingMessage, response: ServerResponse) => boolean

interface Matcher {
  readonly route: Route
  readonly label: string
  readonly pattern: RegExp
  readonly names: readonly string[]
}

// Nothing here stands for anything else, so that no two readers can disagree on what it means.
const plain = '[\\w.:~-]+'
const address = new RegExp(`^(?<path>(?:/${plain})+)(?:\\?(?<query>[\\w.:~,=&+%-]*))?$`)

/**
 * Answers GET requests for JSON without Express, which costs more than all the rest of a look-up. Validation, handlers and errors are
 * the routes' own; what differs is only how the route is found. Addresses with an escape in the path, HEAD, and all the other routes
 * are left to Express.
 */
export function createDirect(routes: readonly Route[], deps: DirectDeps): Direct {
  const matchers = routes.map(matcherOf)
  return (request, response) => {
    const { method, url = '' } = request
    const found = method === 'GET' ? find(matchers, url) : undefined
    if (found === undefined) return false
    const { route, path, label, params, query } = found
    deps.time(request, response, () => label)
    answer(route, { params, query: parse(query), body: undefined })
      .then((answered) => {
        sendAnswer(request, response, answered, deps.security)
      })
      .catch((thrown: unknown) => {
        if (response.headersSent) {
          request.socket.destroy()
          return
        }
        setHeaders(response, deps.security)
        deps.sendProblem(request, response, thrown, path)
      })
    return true
  }
}

async function answer(route: JsonRoute, parts: Parameters<typeof validRequest>[1]) {
  return route.handle(validRequest(route, parts))
}

function matcherOf(route: Route): Matcher {
  const names: string[] = []
  const pattern = route.path.replaceAll('.', '\\.').replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name)
    return `(${plain})`
  })
  // Express makes no difference between cases either, and a route that it would find first has to be found first here.
  return { route, label: expressPath(route), pattern: new RegExp(`^${pattern}$`, 'i'), names }
}

function find(matchers: readonly Matcher[], url: string) {
  const { path = '', query = '' } = address.exec(url)?.groups ?? {}
  for (const { route, label, pattern, names } of matchers) {
    const match = pattern.exec(path)
    if (match === null) continue
    if (route.kind !== 'json' || route.method !== 'get') return undefined
    const params = Object.fromEntries(names.map((name, index) => [name, match[index + 1]]))
    return { route, path, label, params, query }
  }
  return undefined
}
