import type { DeviceEvent, DeviceSummary } from '@faultline/contracts/device-summary'

/** 2026-11-21T09:30:00Z. */
export const sampleTimeMs = Date.UTC(2026, 10, 21, 9, 30)

/** A device with a broken rule; `over` changes what a test is about. */
export function sampleDevice(over: Partial<DeviceSummary> = {}): DeviceSummary {
  return {
    device_id: 'AC-0042',
    type: 'hvac',
    model: 'metro-hvac',
    name: 'Car 3 roof unit',
    line: 'Line 2',
    location: 'Depot North',
    car_number: 3,
    last_event_id: '9001',
    revision: 1,
    last_measured_at: sampleTimeMs,
    committed_at: sampleTimeMs + 40,
    alert_level: 'warning',
    alarm_level: null,
    fault_score: 0.6,
    fault_reasons: ['HIGH_TEMP'],
    fault_probability: null,
    explanation: [
      {
        source: 'rule',
        code: 'HIGH_TEMP',
        channel: 'temp_supply_air',
        value: 38.5,
        limit: 35,
        contribution: 0.6,
      },
    ],
    max_z: 2.5,
    source_partition: 0,
    source_offset: 412,
    enriched_offset: 415,
    first_seen: sampleTimeMs - 3_600_000,
    events_total: 120,
    faults_total: 7,
    decayed_faults: 1.75,
    ...over,
  }
}

export function sampleEvent(over: Partial<DeviceEvent> = {}): DeviceEvent {
  const device = sampleDevice()
  return {
    device_id: device.device_id,
    name: device.name,
    line: device.line,
    revision: device.revision,
    committed_at: device.committed_at,
    alert_level: device.alert_level,
    alarm_level: device.alarm_level,
    fault_score: device.fault_score,
    fault_reasons: device.fault_reasons,
    fault_probability: device.fault_probability,
    explanation: device.explanation,
    source_partition: device.source_partition,
    source_offset: device.source_offset,
    enriched_offset: device.enriched_offset,
    event_id: device.last_event_id,
    measured_at: device.last_measured_at,
    ...over,
  }
}
