export interface PomDependency {
  readonly group: string
  readonly name: string
  readonly version: string
  readonly type?: string
  readonly classifier?: string
}

/** Archives are fetched alone: their own dependencies are inside them already. */
const withoutItsOwn =
  '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'

/** A project that has nothing but dependencies, for Maven to resolve. `archives`: take each alone. */
export function pomOf(dependencies: readonly PomDependency[], archives: boolean): string {
  const elements = dependencies.map((dependency) => {
    const { group, name, version, type, classifier } = dependency
    return [
      '    <dependency>',
      `      <groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`,
      ...(type === undefined ? [] : [`      <type>${type}</type>`]),
      ...(classifier === undefined ? [] : [`      <classifier>${classifier}</classifier>`]),
      ...(archives ? [`      ${withoutItsOwn}`] : []),
      '    </dependency>',
    ].join('\n')
  })
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '  <modelVersion>4.0.0</modelVersion>',
    '  <groupId>faultline</groupId><artifactId>downloads</artifactId><version>1</version>',
    '  <packaging>pom</packaging>',
    '  <dependencies>',
    ...elements,
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n')
}
