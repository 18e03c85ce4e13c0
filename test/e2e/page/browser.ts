import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const usualPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Starts the machine's own Chromium; nothing is downloaded. FAULTLINE_CHROMIUM names another program. */
export async function startBrowser(): Promise<Browser> {
  const named = process.env['FAULTLINE_CHROMIUM']
  const program = named ?? usualPlaces.find((place) => existsSync(place))
  if (program === undefined || !existsSync(program)) {
    throw new Error(
      `no Chromium at ${named ?? usualPlaces.join(', ')}: install it (Debian: apt-get install chromium) or name one in FAULTLINE_CHROMIUM`,
    )
  }
  return await chromium.launch({
    executablePath: program,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
