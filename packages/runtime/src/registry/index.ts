export { httpSchemaRegistry, type SchemaRegistry } from './schema-registry.ts'
export { createDecoder, createEncoder, decodeKnown, type Decode, type Encode } from './serde.ts'
