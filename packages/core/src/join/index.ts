export { comparePositions, type LogPosition } from './log-position.ts'
export { VersionedTable, type Present, type Version } from './versioned-table.ts'
