import { describe, expect, it } from 'vitest'
import { controlSocketPath } from './socket-path.ts'

describe('the control socket', () => {
  it('lies in the run folder', () => {
    expect(controlSocketPath('/srv/faultline/run', '/tmp')).toBe('/srv/faultline/run/control.sock')
  })

  it('moves to the temporary folder when its path is too long for a socket', () => {
    const deep = `/srv/${'very-deep-folder/'.repeat(8)}run`
    const path = controlSocketPath(deep, '/tmp')
    expect(path).toMatch(/^\/tmp\/faultline-[0-9a-f]{16}\.sock$/)
    expect(controlSocketPath(`${deep}2`, '/tmp')).not.toBe(path)
  })

  it('counts bytes, not characters', () => {
    const folder = `/srv/${'ü'.repeat(60)}/run`
    expect(controlSocketPath(folder, '/tmp')).toMatch(/^\/tmp\//)
  })
})
