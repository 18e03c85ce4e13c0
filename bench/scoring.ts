/**
 * Time of one measurement of 100 channels through the scoring core, in nanoseconds: 500 devices in turn, as in a live fleet.
 * Run it with `npm run bench:scoring`.
 */
import { compileModel, type Rule } from '@faultline/core/model'
import { referenceScorer } from '@faultline/core/scoring'
import { createState, encode, openState } from '@faultline/core/state'
import { median } from './statistics.ts'

const named = ['temp_supply_air', 'temp_return_air', 'pressure_compressor', 'current_compressor']
const channels = [...named, 'power_total', 'fault_code', 'data_quality']
while (channels.length < 100) channels.push(`aux_${channels.length}`)

const rules: Rule[] = [
  { code: 'HIGH_TEMP', channel: 'temp_supply_air', above: 35 },
  { code: 'LOW_TEMP', channel: 'temp_supply_air', below: 10 },
  { code: 'ABNORMAL_PRESSURE', channel: 'pressure_compressor', outside: [500, 2000] },
  { code: 'ABNORMAL_CURRENT', channel: 'current_compressor', outside: [5, 50] },
  {
    code: 'ABNORMAL_TEMP_DIFF',
    channel: 'temp_supply_air',
    minus: 'temp_return_air',
    outside: [3, 15],
  },
  { code: 'FREQUENT_START_STOP', starts_of: 'current_compressor', running_above: 5, above: 6 },
]
const model = compileModel({
  model: 'bench',
  type: 'bench',
  channels,
  units: channels.map(() => ''),
  rules,
})

const devices = Array.from({ length: 500 }, () => createState(model))
// Readings are drawn before the clock starts; a prime number of frames keeps devices and frames out of step.
const frames = Array.from({ length: 997 }, () =>
  Float32Array.from(channels, (_, i) => {
    if (i === 5) return 0
    return (i === 2 ? 1200 : i === 1 ? 16 : 24) + 8 * (Math.random() - 0.5)
  }),
)

const records = 500_000
const rounds = 5
let checksum = 0
function scoreAll(): number {
  const started = process.hrtime.bigint()
  for (let i = 0; i < records; i++) {
    const state = devices[i % devices.length]
    const readings = frames[i % frames.length]
    if (state === undefined || readings === undefined) continue
    const measuredAt = 1_700_000_000_000 + i * 600
    checksum += referenceScorer.score({ model, state, measuredAt, readings }).fault_score
  }
  return Number(process.hrtime.bigint() - started) / records
}

function openAll(): number {
  const started = process.hrtime.bigint()
  for (let i = 0; i < records; i++) {
    const stored = devices[i % devices.length]
    if (stored !== undefined && !openState(encode(stored), model).ok) throw new Error('not opened')
  }
  return Number(process.hrtime.bigint() - started) / records
}

const line = (name: string, values: number[]): string =>
  `${name.padEnd(24)} ${median(values).toFixed(0).padStart(6)} ns a record`

scoreAll()
const scored = line('score', Array.from({ length: rounds }, scoreAll))
const opened = line('open stored bytes', Array.from({ length: rounds }, openAll))
process.stdout.write(
  `${scored}\n${opened}\n${'state'.padEnd(24)} ${model.channels.length} channels, ` +
    `${devices[0] === undefined ? 0 : encode(devices[0]).length} bytes (checksum ${checksum.toFixed(3)})\n`,
)
