/**
 * How the product grows: with instances, devices, channels, states to restore and records to replay. It starts back ends of its own and fills
 * topics as Debezium would, past PostgreSQL. Each part takes a few minutes; a million records replayed, two. Prints one line for each run
 * and ends with one line of JSON. Linux only.
 *
 *   npm run bench:scale -- --part instances,lag,devices,restore,start-up,replay [--runs 5] [--seed 1]
 *   … --part instances --instance-records 400000     backlog that 1, 2 and 4 instances work off
 *   … --part lag --rate 10000 --seconds 15           records a second while the lag is watched
 *   … --part devices --device-records 200000         records of each fleet
 *   … --part restore --devices 100000
 *   … --part replay --records 10000000               about 9 GB of disk
 */
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { withBackEnds } from './back-ends.ts'
import { print } from './running-product.ts'
import { measureCost } from './scale/devices.ts'
import { measureInstances, measureLag } from './scale/instances.ts'
import { measureReplay } from './scale/replay.ts'
import { measureRestore } from './scale/restore.ts'
import { Stage } from './scale/stage.ts'
import { measureStartUp } from './scale/start-up.ts'

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'instances,lag,devices,restore,start-up,replay' },
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '15' },
    devices: { type: 'string', default: '100000' },
    records: { type: 'string', default: '1000000' },
    'instance-records': { type: 'string', default: '400000' },
    'device-records': { type: 'string', default: '200000' },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)

const parts: Readonly<Record<string, (stage: Stage) => Promise<object>>> = {
  'start-up': (stage) => measureStartUp(stage, { runs }),
  instances: (stage) =>
    measureInstances(stage, { runs, records: Number(values['instance-records']) }),
  lag: (stage) =>
    measureLag(stage, { runs, perSecond: Number(values.rate), seconds: Number(values.seconds) }),
  devices: (stage) => measureCost(stage, { runs, records: Number(values['device-records']) }),
  restore: (stage) => measureRestore(stage, { runs, devices: Number(values.devices) }),
  replay: (stage) => measureReplay(stage, { records: Number(values.records) }),
}

const chosen = values.part.split(',')
const unknown = chosen.filter((name) => !(name in parts))
if (unknown.length > 0) {
  process.stderr.write(`there is no part ${unknown.join(', ')}: ${Object.keys(parts).join(', ')}\n`)
  process.exit(2)
}
print(`seed ${seed}`)
const machine = { processors: availableParallelism(), load_at_start: loadavg()[0] }
await withBackEnds((env) =>
  Stage.use(env, seed, async (stage) => {
    const figures: Record<string, object> = {}
    for (const [name, measure] of Object.entries(parts)) {
      if (chosen.includes(name)) figures[name.replace('-', '_')] = await measure(stage)
    }
    print(
      JSON.stringify({
        bench: 'scale',
        seed,
        runs,
        ...figures,
        machine: { ...machine, load: loadavg()[0] },
      }),
    )
  }),
)
