import { expect, test } from 'vitest'
import { majorJavaVersion } from './java.ts'

test.each([
  ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17],
  ['openjdk version "25" 2025-09-16', 25],
  ['openjdk version "25-ea" 2025-09-16', 25],
  ['java version "1.8.0_202"', 8],
  ['Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.1" 2023-10-17', 21],
])('reads %j as %i', (output, major) => {
  expect(majorJavaVersion(output)).toBe(major)
})

test('is undefined for what is no Java', () => {
  expect(majorJavaVersion('command not found')).toBeUndefined()
})
