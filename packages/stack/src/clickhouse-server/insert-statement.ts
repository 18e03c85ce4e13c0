/** An INSERT whose rows follow in the request, split into what the engine has to know. */
export interface InsertWithData {
  /** `INSERT INTO app.t (a, b) SETTINGS …`, everything before FORMAT. */
  readonly head: string
  readonly format: string
  /** Characters of the statement before its data; the data begins behind one line break. */
  readonly length: number
}

/**
 * Recognises `INSERT INTO … FORMAT X` followed by data or by nothing. Null for every other statement, also for INSERT with
 * VALUES or SELECT, which the engine runs as they are.
 */
export function parseInsertWithData(statement: string): InsertWithData | null {
  const match =
    /^\s*(?<head>INSERT\s+INTO\s+(?:(?!\b(?:VALUES|SELECT|WITH)\b)[^;'])*?(?:\s|\)))FORMAT\s+(?<format>[A-Za-z]\w*)[ \t]*(?:;[ \t]*)?(?:\r?\n|$)/i.exec(
      statement,
    )
  const groups = match?.groups
  if (match === null || groups === undefined) return null
  return { head: groups['head'] ?? '', format: groups['format'] ?? '', length: match[0].length }
}
