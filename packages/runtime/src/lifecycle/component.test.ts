import { expect, it } from 'vitest'
import { Scope, type Started } from './component.ts'

/** Components that write down when they start and stop. */
function recorded() {
  const log: string[] = []
  const component = (name: string, failure?: Error) => (): Promise<Started<string>> => {
    log.push(`start ${name}`)
    const stop = (): Promise<void> => {
      log.push(`stop ${name}`)
      return failure === undefined ? Promise.resolve() : Promise.reject(failure)
    }
    return Promise.resolve({ value: name, stop })
  }
  return { log, component }
}

it('starts in order, gives the values, and stops in reverse', async () => {
  const { log, component } = recorded()
  const scope = new Scope()
  expect(await scope.start('a', component('a'))).toBe('a')
  scope.defer('between', () => {
    log.push('clean up')
    return Promise.resolve()
  })
  await scope.start('b', component('b'))
  await scope.stop()
  expect(log).toEqual(['start a', 'start b', 'stop b', 'clean up', 'stop a'])
})

it('stops what had started when a start fails, and throws why it failed', async () => {
  const { log, component } = recorded()
  const scope = new Scope()
  await scope.start('a', component('a'))
  await scope.start('b', component('b', new Error('b does not stop')))
  const failure = new Error('no port')
  await expect(scope.start('c', () => Promise.reject(failure))).rejects.toBe(failure)
  expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  await expect(scope.stop()).rejects.toMatchObject({ errors: [{ message: 'b does not stop' }] })
})

it('runs every stop, whatever the others do, and reports all their errors', async () => {
  const { log, component } = recorded()
  const scope = new Scope()
  const [first, third] = [new Error('first'), new Error('third')]
  await scope.start('a', component('a', first))
  await scope.start('b', component('b'))
  await scope.start('c', component('c', third))
  await expect(scope.stop()).rejects.toMatchObject({ errors: [third, first] })
  expect(log.slice(3)).toEqual(['stop c', 'stop b', 'stop a'])
})

it('stops once, however often it is asked', async () => {
  const { log, component } = recorded()
  const scope = new Scope()
  await scope.start('a', component('a'))
  await Promise.all([scope.stop(), scope.stop()])
  await scope.stop()
  expect(log).toEqual(['start a', 'stop a'])
})
