import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi'
import { z } from 'zod'

// The library adds `.openapi()` to zod's own types; it has to run before the first schema is built, hence this module.
extendZodWithOpenApi(z)

export { z }
