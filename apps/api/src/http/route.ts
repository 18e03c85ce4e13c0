import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { Progress } from '../ports/progress.ts'
import type { HttpErrorCode } from './problem.ts'

/** A request whose parts have passed their schemas. */
export interface ValidRequest<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
}

/** What a handler hands back; `sendAnswer` turns it into bytes. */
export interface Answer<R> {
  readonly body: R
  /** How far the store had come when it was read; goes into the header `Faultline-As-Of`. */
  readonly asOf?: Progress
  /** A strong ETag over the body, and 304 where the caller has it already. A body given twice must not have changed. */
  readonly revalidate?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** 200 where absent. */
  readonly status?: number
}

interface RouteShape<P, Q, B, R> {
  readonly method: 'get' | 'post'
  /** As OpenAPI writes it: `/api/devices/{id}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodType<P>
  readonly query?: z.ZodType<Q>
  readonly body?: z.ZodType<B>
  /** What a caller can meet besides INTERNAL_ERROR and, where anything is validated, ARGUMENT_INVALID. */
  readonly errors: readonly HttpErrorCode[]
  readonly handle: (request: ValidRequest<P, Q, B>) => Promise<Answer<R>>
  readonly response: z.ZodType<R>
}

/** A route that answers JSON: one description that validates, documents and handles. */
export interface JsonRoute {
  readonly kind: 'json'
  readonly method: 'get' | 'post'
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description: string | undefined
  readonly params: z.ZodType | undefined
  readonly query: z.ZodType | undefined
  readonly body: z.ZodType | undefined
  readonly errors: readonly HttpErrorCode[]
  readonly response: z.ZodType
  /** Answers carry `Faultline-As-Of`. */
  readonly hasAsOf: boolean
  readonly handle: (request: ValidRequest<unknown, unknown, unknown>) => Promise<Answer<unknown>>
}

/** What a raw route reads by itself: of each media type what it has to be, and the headers it knows. */
interface RawRequest {
  readonly headers: z.ZodObject
  readonly body: Readonly<Record<string, z.ZodType>>
}

/** A route that reads or writes by itself: a stream, a page, a text. */
export interface RawRoute {
  readonly kind: 'raw'
  readonly method: 'get' | 'post'
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description: string | undefined
  readonly request?: RawRequest
  readonly mediaType: string
  /** A text where absent. */
  readonly response?: z.ZodType
  /** 200 where absent. */
  readonly status?: number
  readonly errors: readonly HttpErrorCode[]
  readonly handle: (request: Request, response: Response) => Promise<void> | void
}

export type Route = JsonRoute | RawRoute

/** Ties the handler's types to the schemas, then forgets them: validation restores at run time what is erased here. */
export function jsonRoute<P, Q, B, R>(shape: RouteShape<P, Q, B, R>): JsonRoute {
  return {
    kind: 'json',
    method: shape.method,
    path: shape.path,
    tag: shape.tag,
    summary: shape.summary,
    description: shape.description,
    params: shape.params,
    query: shape.query,
    body: shape.body,
    errors: shape.errors,
    response: shape.response,
    hasAsOf: false,
    handle: (request) => shape.handle(request as ValidRequest<P, Q, B>),
  }
}

/** The path as Express writes it. */
export function expressPath(route: Route): string {
  return route.path.replaceAll(/\{(\w+)\}/g, ':$1')
}
