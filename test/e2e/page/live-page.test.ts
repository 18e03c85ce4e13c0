import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from '../../support/eventually.ts'
import { hvacReadings, insertRows, registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'
import { startBrowser } from './browser.ts'

const temperature = 0
const pressure = 2
const faultCode = 5
const worst = 'PAGE-0001'
const other = 'PAGE-0002'

let browser: Browser
let postgres: PostgresConnection
let context: BrowserContext
let page: Page
/** What the browser complained about: a script that failed, a file that is missing, a rule of the content policy. */
let complaints: string[]

beforeAll(async () => {
  browser = await startBrowser()
  postgres = await connectPostgres({
    databaseUrl: product().databaseUrl,
    applicationName: 'page-test',
  })
  await registerUnits(postgres, [worst, other])
  // Enough of them to rank first and second, whatever other tests left behind.
  await breakUnit(worst, { rows: 600 })
  await breakUnit(other, { rows: 400, changes: { [faultCode]: 0 } })
  await eventually(async () => {
    const response = await fetch(`${product().apiUrl}/api/devices/${other}`)
    expect(response.status).toBe(200)
  })
})
afterAll(async () => {
  await browser.close()
  await postgres.close()
})

beforeEach(async () => {
  await open({ width: 1_500, height: 1_000 })
})
afterEach(() => context.close())

async function open(viewport: { width: number; height: number }) {
  complaints = []
  context = await browser.newContext({ viewport })
  page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(product().apiUrl)
}

interface Breakdown {
  /** One a second, up to now. */
  readonly rows: number
  readonly changes?: Readonly<Record<number, number>>
}

async function breakUnit(deviceId: string, { rows, changes }: Breakdown) {
  const now = Date.now()
  const broken = { [temperature]: 36, [pressure]: 2_400, [faultCode]: 7, ...changes }
  await insertRows(
    product().databaseUrl,
    Array.from({ length: rows }, (_, n) => ({
      deviceId,
      measuredAtMs: now - (rows - 1 - n) * 1_000,
      readings: hvacReadings(broken),
    })),
  )
}

/** Run in the browser: closes the stream and opens it again, as when a tab goes to sleep. */
const leaveAndComeBack = `
  dispatchEvent(new PageTransitionEvent('pagehide'))
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
`

const row = (deviceId: string) => page.locator('#ranking li', { hasText: deviceId })

describe('the live page', () => {
  it('opens with the worst device, and says why it is', async () => {
    await row(worst).waitFor()
    await page.locator('#freshness[data-state="live"], #freshness[data-state="quiet"]').waitFor()
    await page.locator('#fleet', { hasText: 'hvac' }).waitFor()
    await row(worst).locator('a').click()
    const panel = page.locator('#device')
    await panel.locator('h2', { hasText: `Unit ${worst}` }).waitFor()
    await panel.locator('.badge', { hasText: 'Critical' }).waitFor()
    const why = await panel.locator('.why').innerText()
    expect(why).toContain('High temp')
    expect(why).toContain('HIGH_TEMP')
    expect(why).toMatch(/36\s+35/)
    expect(why).toContain('2,400')
    expect(complaints).toEqual([])
  })

  it('draws a channel over time', async () => {
    await row(worst).locator('a').click()
    const panel = page.locator('#device')
    await panel.locator('canvas').waitFor()
    await panel.getByLabel('Channel').selectOption('pressure_compressor')
    await panel.getByRole('radio', { name: '1 h' }).check()
    await eventually(async () => {
      expect(await panel.locator('.readout').innerText()).toMatch(/2,400 kPa.*faults over 2,000/)
    })
    expect(complaints).toEqual([])
  })

  it('shows a measurement within moments of its commit, without a reload', async () => {
    await row(other).waitFor()
    await page.locator('#feed-empty').waitFor({ state: 'attached' })
    const reasons = row(other).locator('.reasons')
    expect(await reasons.innerText()).not.toContain('Fault code 9')
    await breakUnit(other, { rows: 1, changes: { [faultCode]: 9 } })
    await row(other).getByText('Fault code 9').waitFor({ timeout: 10_000 })
    await page
      .locator('#feed li', { hasText: `Unit ${other}` })
      .first()
      .waitFor()
  })

  it('ranks over a window, too', async () => {
    await row(worst).waitFor()
    await page.locator('#window').getByRole('radio', { name: '24 h' }).check()
    await page.getByText('By the sum of fault scores in the last 24 hours').waitFor()
    await row(worst).waitFor()
  })

  it('works from the keyboard', async () => {
    await row(worst).waitFor()
    await page.locator('#ranking a').first().focus()
    await page.keyboard.press('ArrowDown')
    const second = await page.evaluate<string>(`document.activeElement.getAttribute('href')`)
    await page.keyboard.press('Enter')
    await eventually(() => {
      expect(page.url().endsWith(second)).toBe(true)
    })
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('device')
  })

  it('says that it is stale when the stream is lost, and goes on by itself', async () => {
    await row(worst).waitFor()
    expect(await page.locator('#banner').isVisible()).toBe(false)
    await context.setOffline(true)
    await page.evaluate(leaveAndComeBack)
    await page.locator('#banner').waitFor()
    expect(await page.locator('#freshness').innerText()).toContain('Stale')
    await context.setOffline(false)
    await page.locator('#banner').waitFor({ state: 'hidden' })
  })

  it('fits a phone: the list, then the device, and back', async () => {
    await context.close()
    await open({ width: 375, height: 740 })
    await row(worst).waitFor()
    expect(await page.locator('#device').isVisible()).toBe(false)
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    expect(width).toBeLessThanOrEqual(375)
    const target = await row(worst).locator('a').boundingBox()
    expect(target?.height).toBeGreaterThanOrEqual(44)
    await row(worst).locator('a').click()
    await page.locator('#device h2', { hasText: `Unit ${worst}` }).waitFor()
    expect(await page.locator('#ranking').isVisible()).toBe(false)
    await page.getByText('All devices').click()
    await row(worst).waitFor()
    expect(complaints).toEqual([])
  })
})
