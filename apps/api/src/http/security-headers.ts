import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'

/** Headers as `writeHead` takes them: name, value, name, value, and so on. */
export type HeaderList = readonly string[]

const policy = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // The API speaks plain HTTP on loopback; who puts TLS in front of it also sets this.
  strictTransportSecurity: false,
})

/** What helmet sets. It is the same for every answer, so it is asked once. */
export function securityHeaders(): HeaderList {
  const headers: string[] = []
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  response.setHeader = (name, value) => {
    headers.push(name, String(value))
    return response
  }
  policy(request, response, () => undefined)
  return headers
}

export function setHeaders(response: ServerResponse, headers: HeaderList): void {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    response.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
  }
}
