// A reader that goes away (`faultline logs | head`) is not a failure.
process.stdout.on('error', () => {
  process.exit(0)
})

const { run } = await import('./program.ts')
process.exit(await run(process))
