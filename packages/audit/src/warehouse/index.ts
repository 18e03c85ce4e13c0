export {
  auditWarehouse,
  storedOffsets,
  type RecordRange,
  type WarehouseAuditOptions,
} from './audit-warehouse.ts'
export { DigestTable } from './digest-table.ts'
export type { PlacedMeasurement } from './row-bytes.ts'
