import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findSupervisor, type StackStatus } from '@faultline/stack/control'
import { stackPorts } from '@faultline/stack/layout'
import {
  faultline,
  faultlineOk,
  printedAddresses,
  type ProductAddresses,
} from '../../support/product/faultline-command.ts'

export type StackProcess = StackStatus['processes'][number]

/** A stack of the product in a folder of its own, driven by its own command. */
export class ProductUnderTest {
  /** Its FAULTLINE_HOME. */
  readonly home: string
  readonly portBase: number
  readonly #folder: string
  /** Node options of the applications. */
  nodeOptions = ''
  #addresses: ProductAddresses | undefined

  /** @param folder for everything; it is removed in the end */
  constructor(folder: string, portBase: number) {
    this.#folder = folder
    this.home = join(folder, 'home')
    this.portBase = portBase
  }

  get addresses(): ProductAddresses {
    if (this.#addresses === undefined) throw new Error('the product was not started')
    return this.#addresses
  }

  get ports(): ReturnType<typeof stackPorts> {
    return stackPorts(this.portBase)
  }

  /** Where failpoints are armed. */
  get failpointFolder(): string {
    return join(this.#folder, 'failpoints')
  }

  /** Where the clocks of the applications are put wrong. */
  get clockFolder(): string {
    return join(this.#folder, 'clocks')
  }

  async up(): Promise<void> {
    mkdirSync(this.failpointFolder, { recursive: true })
    await faultlineOk(
      this.home,
      ['up', '--detach', '--no-demo', '--port-base', String(this.portBase)],
      this.environment,
    )
    this.#addresses ??= await printedAddresses(this.home)
  }

  /** What the applications of the stack are given beside its addresses. */
  get environment(): Readonly<Record<string, string>> {
    return { FAULTLINE_FAILPOINTS: this.failpointFolder, FAULTLINE_NODE_OPTIONS: this.nodeOptions }
  }

  /** Runs `faultline …` on it. @throws Error with what it said, where it ends with anything but 0 */
  async command(args: readonly string[]): Promise<string> {
    return await faultlineOk(this.home, args)
  }

  async down(): Promise<void> {
    await faultlineOk(this.home, ['down'])
  }

  /** Takes the stack down and removes its folder, whatever state it is in. */
  async remove(): Promise<void> {
    const { code, stderr } = await faultline(this.home, ['down'])
    if (code !== 0 && !stderr.includes('NOT_RUNNING'))
      throw new Error(`down ended with ${code}: ${stderr}`)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Undefined while no supervisor answers. */
  async status(): Promise<StackStatus | undefined> {
    try {
      return await findSupervisor(this.home)?.status()
    } catch {
      return undefined
    }
  }

  supervisorPid(): number {
    const pid = findSupervisor(this.home)?.holder.identity.pid
    if (pid === undefined) throw new Error('no supervisor runs')
    return pid
  }

  async restart(name: string): Promise<void> {
    await findSupervisor(this.home)?.restart(name)
  }

  async processNamed(name: string): Promise<StackProcess | undefined> {
    return (await this.status())?.processes.find((process) => process.name === name)
  }
}
