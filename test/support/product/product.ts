import { inject } from 'vitest'
import type { TestConnection } from '../connection.ts'

/** The running product of an e2e run. */
export interface Product extends TestConnection {
  readonly apiUrl: string
  /** A broker whose messages it takes. */
  readonly mqttUrl: string
  /** Its FAULTLINE_HOME. */
  readonly home: string
}

declare module 'vitest' {
  interface ProvidedContext {
    product: Product
  }
}

export function product(): Product {
  return inject('product')
}
