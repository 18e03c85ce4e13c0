/** FNV-1a, 32 bits, over UTF-16 code units and an end mark, continuing from `seed`; so ('ab','c') and ('a','bc') differ. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ 0xffff, 0x01000193) >>> 0
}
