/**
 * Jars of the Connect plugin that the worker brings itself. A second copy in the plugin's own class loader gives two
 * classes of one name (a Converter that is no Converter), so they go.
 */
const broughtByWorker =
  /^(?:kafka-clients|connect-(?:api|json|transforms|runtime)|slf4j-[a-z]+|lz4-java|snappy-java|zstd-jni)-\d.*\.jar$/

export function isBroughtByWorker(jarName: string): boolean {
  return broughtByWorker.test(jarName)
}
