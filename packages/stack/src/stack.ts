import { join } from 'node:path'
import { appSpecs } from './apps.ts'
import { externalBackEnds } from './backends/addresses.ts'
import { backEndSpecs, connectionEnvironment } from './backends/index.ts'
import { cacheFolder, type DownloadProgress } from './download/index.ts'
import { pageUrlOf } from './environment.ts'
import { stackFolders, stackPorts } from './layout.ts'
import { Stack, type Composition } from './run-stack.ts'
import { step, type Report } from './stack-event.ts'

export interface ProductSettings {
  /** The folder that holds `apps/`. */
  readonly projectFolder: string
  readonly home: string
  readonly portBase: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fresh: boolean
  /** The product's own processes: all of them, all but the demo fleet, or back ends alone. */
  readonly apps: 'with demo' | 'without demo' | 'none'
  readonly report: Report
  readonly onStopRequested: () => void
}

/** The stack of this product: back ends that are not given by address, and the apps. */
export function createProductStack(settings: ProductSettings): Stack {
  const { home, portBase, fresh, report, onStopRequested } = settings
  return new Stack({
    home,
    portBase,
    fresh,
    report,
    onStopRequested,
    pageUrl: pageUrlOf(portBase),
    compose: (signal) => compose(settings, signal),
  })
}

async function compose(settings: ProductSettings, signal: AbortSignal): Promise<Composition> {
  const { projectFolder, home, portBase, env, apps, report } = settings
  const ports = stackPorts(portBase)
  const name = 'programs'
  const backEnds = await step(report, name, () =>
    backEndSpecs({
      folders: stackFolders(home),
      ports,
      env,
      signal,
      onProgress: (event) => {
        report({ kind: 'progress', step: name, text: describeDownload(event) })
      },
    }),
  )
  const environment = connectionEnvironment(backEnds.addresses, pageUrlOf(portBase))
  const ours =
    apps === 'none'
      ? []
      : appSpecs({
          projectFolder,
          ports,
          env,
          addresses: environment,
          compileCache: join(cacheFolder(env), 'compiled'),
          inbox: stackFolders(home).inbox,
          rejected: stackFolders(home).rejected,
          demo: apps === 'with demo',
        })
  return {
    specs: [...backEnds.specs, ...ours],
    environment,
    settleExternal: (when, limit) =>
      Object.keys(externalBackEnds(env)).length === 0
        ? Promise.resolve()
        : step(report, `existing servers, ${when}`, () => backEnds.settleExternal(when, limit)),
  }
}

/** `kafka 4.3.1: 12 of about 57 MB, jackson-core-2.19.jar`. */
export function describeDownload({
  item,
  doneBytes,
  totalBytes,
  message,
}: DownloadProgress): string {
  if (doneBytes === undefined || totalBytes === undefined) return `${item}: ${message}`
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  return `${item}: ${megabytes(doneBytes)} of about ${megabytes(totalBytes)} MB, ${message}`
}
