export { httpSchemaRegistry, type SchemaRegistry } from './schema-registry.ts'
export {
  createDecoder,
  createEncoder,
  createProjection,
  decodeKnown,
  type Decode,
  type Encode,
} from './serde.ts'
