/** What foreground and background need to know of the options of `up`. */
export interface UpSettings {
  readonly fresh: boolean
  readonly demo: boolean
  readonly portBase: number
}
