import { describe, expect, it } from 'vitest'
import { listeningInodes } from './port-holder.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0
   1: 0100007F:1CE8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4343 1 0000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1 0000 100 0 0 10 0
`

describe('the table of sockets', () => {
  it('gives the sockets that listen on a port, not those connected to it', () => {
    expect(listeningInodes(table, 7400)).toEqual(['4242'])
    expect(listeningInodes(table, 22)).toEqual(['4444'])
  })

  it('gives nothing for a free port', () => {
    expect(listeningInodes(table, 7401)).toEqual([])
  })
})
