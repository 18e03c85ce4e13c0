/** The options of `faultline generate` as they were understood. */
export interface GenerateFlags {
  readonly to: string
  readonly rate: number | 'max'
  readonly devices: number
  readonly channels: number
  readonly prefix: string
  readonly faults: number
  readonly faultKinds?: string
  readonly late: number
  readonly bad: number
  readonly seed: number
  readonly start?: number
  readonly rows?: number
  readonly duration?: number
  readonly register: boolean
  readonly json: boolean
}
