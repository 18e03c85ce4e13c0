import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { createContext } from './context.ts'
import { createProgram, parsePortBase } from './program.ts'

function silentProgram() {
  const written: string[] = []
  const output = { write: (text: string) => written.push(text) > 0 }
  const context = createContext({
    env: { FAULTLINE_HOME: '/nonexistent/home' },
    stdout: output as unknown as NodeJS.WriteStream & { fd: 1 },
    stderr: output as unknown as NodeJS.WriteStream & { fd: 2 },
  })
  const program = createProgram(context, () => undefined)
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      writeOut: (text) => written.push(text),
      writeErr: (text) => written.push(text),
    })
    command.exitOverride()
  }
  return { program, written }
}

describe('the command line', () => {
  it('leads its help with examples', async () => {
    const { program, written } = silentProgram()
    await expect(program.parseAsync(['node', 'faultline', '-h'])).rejects.toThrow(CommanderError)
    expect(written.join('').startsWith('Examples\n')).toBe(true)
  })

  it.each([['up', '--prot-base', '1'], ['statsu'], ['up', '--port-base', 'x'], ['load']])(
    'refuses %s %s %s',
    async (...args: string[]) => {
      const { program } = silentProgram()
      const outcome = program.parseAsync(['node', 'faultline', ...args])
      await expect(outcome).rejects.toMatchObject({ exitCode: 1 })
    },
  )

  it('takes a port base with room for the ports above it', () => {
    expect(parsePortBase('7400')).toBe(7_400)
    for (const wrong of ['0', '65501', '7.5', '', 'x']) {
      expect(() => parsePortBase(wrong)).toThrow(/whole number/)
    }
  })
})
