/**
 * Splits one line of CSV (RFC 4180) into its cells; undefined if a quote is not closed or stands inside a bare cell.
 *
 * Line by line instead of a whole-file parser: measurements have no line breaks inside cells, and so a stray quote spoils
 * one row, where a parser that follows quotes across lines would lose every row up to the next quote.
 */
export function splitCsvLine(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',')
  const cells: string[] = []
  const quoted = /"((?:[^"]|"")*)"(?:,|$)/y
  const bare = /([^",]*)(?:,|$)/y
  let at = 0
  while (at <= line.length) {
    const pattern = line[at] === '"' ? quoted : bare
    pattern.lastIndex = at
    const match = pattern.exec(line)
    if (match === null) return undefined
    const cell = match[1] ?? ''
    cells.push(pattern === quoted ? cell.replaceAll('""', '"') : cell)
    // A cell that ends with the line ends the row; after a comma there is one more, maybe empty.
    at = match[0].endsWith(',') ? pattern.lastIndex : line.length + 1
  }
  return cells
}
