import { join } from 'node:path'

/** Ports of one stack, all derived from a base so that two stacks can run side by side (`--port-base`). Loopback only. */
export function stackPorts(base: number) {
  return {
    api: base,
    postgres: base + 1,
    kafka: base + 2,
    kafkaController: base + 3,
    registry: base + 4,
    connect: base + 5,
    clickhouse: base + 6,
    redis: base + 7,
    opsEnricher: base + 11,
    opsRedisConsumer: base + 12,
    opsClickhouseSink: base + 13,
    opsDemoFleet: base + 14,
    opsAuditor: base + 15,
    opsPostgresKeeper: base + 16,
    opsCollector: base + 17,
    opsMqttSource: base + 18,
  } as const
}
export type StackPorts = ReturnType<typeof stackPorts>
export const defaultPortBase = 7400

/** Folders of one stack under FAULTLINE_HOME. */
export function stackFolders(home: string) {
  return {
    home,
    data: (backEnd: string) => join(home, 'data', backEnd),
    logs: join(home, 'logs'),
    run: join(home, 'run'),
    /** Frame files that are put here are collected, unless COLLECT_FOLDER names another folder. */
    inbox: join(home, 'inbox'),
    /** Input that was refused, with its reasons. */
    rejected: join(home, 'rejected'),
  } as const
}
export type StackFolders = ReturnType<typeof stackFolders>
