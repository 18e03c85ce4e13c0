import { isSlotUsable, type SlotForecast, type SlotSample } from '@faultline/runtime/postgres'

const monthSeconds = 30 * 86_400

/** Two sentences: how the slot is, and how long what limits its log will last. */
export function describeSlot({ status }: SlotSample, forecast: SlotForecast): string {
  const { slot, exists, active, wal_status, retained_bytes } = status
  if (!exists) return `${slot} does not exist: \`faultline slot recover\` brings capture back.`
  if (!isSlotUsable(status))
    return `${slot} is lost: \`faultline slot recover\` brings capture back.`
  return (
    `${slot}: ${active ? 'read' : 'not read'}, ${wal_status ?? 'unknown'}, ` +
    `${mebibytes(status.confirmed_flush_lag_bytes ?? 0)} behind, keeps ${mebibytes(retained_bytes ?? 0)} of log\n` +
    describeRoom(forecast)
  )
}

function describeRoom({ roomBytes, growthBytesPerSecond, secondsLeft }: SlotForecast): string {
  if (roomBytes === null)
    return 'room for more log: unknown, nothing limits it but a disk elsewhere'
  const room = `room for ${mebibytes(roomBytes)} more`
  if (secondsLeft === null || secondsLeft > monthSeconds) return `${room}; hardly grows now`
  const rate = `${mebibytes(growthBytesPerSecond)}/s`
  return `${room}; it grows by ${rate} now, and would be full in ${duration(secondsLeft)}`
}

const mebibytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  return `${Math.floor(seconds / 3_600)} h`
}
