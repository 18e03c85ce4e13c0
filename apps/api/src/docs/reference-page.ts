import { documentPage, escapeHtml, inlineHtml } from './html.ts'
import type { OpenApiDocument } from './openapi.ts'

/** The parts of an OpenAPI document that the page shows. */
interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>
interface Operation {
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly description?: string
  readonly operationId?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses?: Readonly<
    Record<string, { readonly description: string; readonly content?: Content }>
  >
}
interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** The reference as one page without scripts, from the OpenAPI document itself. */
export function referencePage(document: OpenApiDocument): string {
  const entries = entriesOf(document)
  const tags = [...new Set(entries.map(({ operation }) => operation.tags?.[0] ?? 'Other'))]
  const contents = entries.map(
    ({ method, path, operation }) =>
      `<li><a href="#${operation.operationId ?? ''}"><b class="method">${method}</b> ${escapeHtml(path)}</a></li>`,
  )
  const sections = tags.map((tag) => {
    const own = entries.filter(({ operation }) => (operation.tags?.[0] ?? 'Other') === tag)
    return `<h2>${escapeHtml(tag)}</h2>${own.map(operationHtml).join('\n')}`
  })
  const schemas = Object.entries(document.components?.schemas ?? {}) as [string, Schema][]
  return documentPage(
    'API',
    `<p>${inlineHtml(document.info.description ?? '')}</p>
<ul class="contents">${contents.join('')}</ul>
${sections.join('\n')}
<h2>Schemas</h2>
${schemas.map(([name, schema]) => `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${schemaTable(schema)}</section>`).join('\n')}`,
  )
}

function entriesOf(document: OpenApiDocument): readonly Entry[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Readonly<Record<string, Operation>>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
}

function operationHtml({ method, path, operation }: Entry): string {
  const body = operation.requestBody?.content['application/json']?.schema
  const responses = Object.entries(operation.responses ?? {}).map(
    ([status, { description, content }]) =>
      `<tr><th scope="row">${status}</th><td>${inlineHtml(description)}</td><td>${Object.values(
        content ?? {},
      )
        .map(({ schema }) => typeText(schema))
        .join('')}</td></tr>`,
  )
  const success = operation.responses?.['200']?.content?.['application/json']?.schema
  return `<section class="operation" id="${operation.operationId ?? ''}">
<h3><b class="method">${method}</b> ${escapeHtml(path)}</h3>
<p>${inlineHtml(operation.summary ?? '')}. ${inlineHtml(operation.description ?? '')}</p>
${parameterTable(operation.parameters ?? [])}
${body === undefined ? '' : `<h4>Body</h4>${schemaTable(body)}`}
${success?.properties === undefined ? '' : `<h4>Answer</h4>${schemaTable(success)}`}
<table><caption>Responses</caption><tbody>${responses.join('')}</tbody></table>
</section>`
}

function parameterTable(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return ''
  const rows = parameters.map(
    ({ name, in: place, required, description, schema }) =>
      `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${escapeHtml(place)}${required === true ? ', required' : ''}</td>` +
      `<td>${typeText(schema)}</td><td>${inlineHtml(description ?? schema?.description ?? '')}</td></tr>`,
  )
  return `<table><caption>Parameters</caption><tbody>${rows.join('')}</tbody></table>`
}

function schemaTable(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(
    ([name, property]) =>
      `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${typeText(property)}</td>` +
      `<td>${inlineHtml(property.description ?? '')}</td></tr>`,
  )
  return rows.length === 0
    ? `<p>${typeText(schema)} ${inlineHtml(schema.description ?? '')}</p>`
    : `<table><tbody>${rows.join('')}</tbody></table>`
}

function typeText(schema: Schema | undefined): string {
  if (schema === undefined) return ''
  if (schema.$ref !== undefined) {
    const name = escapeHtml(schema.$ref.split('/').at(-1) ?? '')
    return `<a href="#schema-${name}">${name}</a>`
  }
  if (schema.items !== undefined) return `array of ${typeText(schema.items)}`
  return escapeHtml(
    [
      schema.enum === undefined ? [schema.type ?? []].flat().join(' or ') : schema.enum.join(' | '),
      ...(schema.format === undefined ? [] : [`(${schema.format})`]),
      ...(schema.minimum === undefined ? [] : [`${schema.minimum} to ${schema.maximum ?? '…'}`]),
      ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
    ].join(' '),
  )
}
