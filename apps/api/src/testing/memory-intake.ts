import { ItemReader, type Receipt, type Submitted } from '@faultline/ingest/intake'
import { systemClock } from '@faultline/runtime/clock'
import { MeasurementIntake } from '../ingest/measurement-intake.ts'

/** Takes measurements into nothing, but keeps the counts of each key as the ledger does. */
export function createMemoryIntake() {
  const ledger = new Map<string, Receipt>()
  const state = {
    rows: 0,
    rejected: new Map<string, number>(),
    /** What PostgreSQL does with a submission before it is committed. */
    beforeCommit: (): Promise<void> => Promise.resolve(),
  }
  const submit = async ({ key, mark, rows, items }: Submitted): Promise<Receipt> => {
    const known = key === null ? undefined : ledger.get(key)
    if (known !== undefined) return { ...known, replayed: true }
    await state.beforeCommit()
    state.rows += rows.count
    const receipt = { written: rows.count, rejected: items - rows.count, replayed: false, mark }
    if (key !== null) ledger.set(key, receipt)
    return receipt
  }
  const reader = new ItemReader({
    channelsOf: new Map([
      ['metro-hvac', ['temp_supply_air', 'temp_return_air', 'pressure_compressor']],
      ['ahu', ['temp_supply_air', 'valve']],
    ]),
    modelOf: new Map([['AC-0042', 'metro-hvac']]),
  })
  const intake = new MeasurementIntake({
    directory: { reader: () => Promise.resolve(reader) },
    committer: { submit },
    clock: systemClock,
    onRejected: (reason, items) => {
      state.rejected.set(reason, (state.rejected.get(reason) ?? 0) + items)
    },
  })
  return { intake, state }
}
