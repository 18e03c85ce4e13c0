import { backEndAddresses, connectionEnvironment, externalBackEnds } from './backends/addresses.ts'
import { stackCredentials } from './backends/credentials.ts'
import { requireKnownHome } from './home.ts'
import { stackPorts } from './layout.ts'

export function pageUrlOf(portBase: number): string {
  return `http://127.0.0.1:${stackPorts(portBase).api}`
}

/**
 * What programs outside the stack would connect with, for a home on which a stack has run before.
 * @throws FaultlineError NOT_RUNNING for a home without passwords and ports of its own yet
 */
export async function plannedEnvironment(settings: {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly portBase: number | undefined
}): Promise<Readonly<Record<string, string>>> {
  const { lastPortBase } = await requireKnownHome(settings.home)
  const portBase = settings.portBase ?? lastPortBase
  const credentials = await stackCredentials(settings.home)
  const addresses = backEndAddresses(
    stackPorts(portBase),
    credentials,
    externalBackEnds(settings.env),
  )
  return connectionEnvironment(addresses, pageUrlOf(portBase))
}
