import { httpStatusOf, problemTexts, type HttpErrorCode } from '../http/problem.ts'
import { documentPage, escapeHtml, inlineHtml } from './html.ts'

/** The page that the `type` of every problem leads to, one anchor a code. */
export function errorPage(): string {
  const codes = (Object.keys(problemTexts) as HttpErrorCode[]).toSorted(
    (one, other) => httpStatusOf(one) - httpStatusOf(other),
  )
  const sections = codes.map(
    (code) =>
      `<section id="${code}"><h2><span class="status">${httpStatusOf(code)}</span> ${code}</h2>` +
      `<p>${escapeHtml(problemTexts[code].title)}. ${inlineHtml(problemTexts[code].remedy)}</p></section>`,
  )
  return documentPage(
    'Errors',
    `<p>Every error is <code>application/problem+json</code> (RFC 9457) with a <code>code</code> to branch on and a
<code>request_id</code> that the log has too.</p>${sections.join('\n')}`,
  )
}
