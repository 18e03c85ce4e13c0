import { takeWay } from './testing/way.ts'

// The tests of the routes once more, without the short cut in front of Express.
takeWay('express')
await import('./app.test.ts')
await import('./as-of.test.ts')
await import('./http/hostile-requests.test.ts')
await import('./routes/history.test.ts')
await import('./routes/serving.test.ts')
