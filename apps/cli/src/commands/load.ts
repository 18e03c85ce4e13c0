import type { CliContext } from '../context.ts'
export async function load(
  context: CliContext,
  path: string,
  options: { json: boolean; signal: AbortSignal },
): Promise<number> {
  await Promise.resolve()
  context.terminal.print(path + String(options.json))
  return 1
}
