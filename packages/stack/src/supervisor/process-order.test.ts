import { describe, expect, it } from 'vitest'
import { assertStartable, dependentsByName, inStopOrder } from './process-order.ts'

const chain = [
  { name: 'postgres', needs: ['a server elsewhere'] },
  { name: 'kafka', needs: [] },
  { name: 'connect', needs: ['postgres', 'kafka'] },
  { name: 'demo-fleet', needs: ['connect', 'postgres'] },
]

describe('the order of processes', () => {
  it('knows who needs whom', () => {
    expect(dependentsByName(chain).get('postgres')).toEqual(['connect', 'demo-fleet'])
    expect(dependentsByName(chain).get('demo-fleet')).toEqual([])
  })

  it('accepts needs that are not part of the stack', () => {
    expect(() => {
      assertStartable(chain)
    }).not.toThrow()
  })

  it('refuses a ring and says which', () => {
    const ring = [...chain, { name: 'a', needs: ['b'] }, { name: 'b', needs: ['a'] }]
    expect(() => {
      assertStartable(ring)
    }).toThrow(/ring: a, b$/)
  })

  it('refuses two processes of one name', () => {
    expect(() => {
      assertStartable([...chain, { name: 'kafka', needs: [] }])
    }).toThrow(/same name/)
  })

  it('stops each after all that need it, and independent ones together', async () => {
    const events: string[] = []
    await inStopOrder(chain, async ({ name }) => {
      events.push(`${name} stops`)
      await Promise.resolve()
      events.push(`${name} stopped`)
    })
    expect(events.slice(0, 4)).toEqual([
      'demo-fleet stops',
      'demo-fleet stopped',
      'connect stops',
      'connect stopped',
    ])
    expect(events.slice(4, 6)).toEqual(['postgres stops', 'kafka stops'])
  })

  it('goes on when one does not stop, and says so at the end', async () => {
    const stopped: string[] = []
    const stopping = inStopOrder(chain, ({ name }) => {
      if (name === 'connect') return Promise.reject(new Error('connect hangs'))
      stopped.push(name)
      return Promise.resolve()
    })
    await expect(stopping).rejects.toThrow('connect hangs')
    expect(stopped).toEqual(['demo-fleet', 'postgres', 'kafka'])
  })
})
