import tseslint from 'typescript-eslint'

const clientLibraries = ['kafkajs', 'ioredis', '@clickhouse/client', 'pg', 'avsc']

export default tseslint.config(
  { ignores: ['**/*.mjs', '**/*.cjs', '**/*.js', 'vitest.config.ts', '.faultline/**'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      complexity: ['error', 15],
      'no-console': 'error',
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'setTimeout',
        'setInterval',
        'process',
        'fetch',
        'performance',
        'Buffer',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'The core takes time as an argument.' },
        {
          object: 'Math',
          property: 'random',
          message: 'The core takes randomness as an argument.',
        },
      ],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'packages/{core,contracts,ingest}/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/main.ts', 'apps/cli/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only main.ts reads the environment.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: clientLibraries.map((name) => ({
            name,
            allowTypeImports: true,
            message: 'Client libraries live in packages/runtime.',
          })),
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', 'max-lines': 'off' },
  },
)
