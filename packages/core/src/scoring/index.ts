export { recomputeScore } from './recompute-score.ts'
export { createReferenceScorer, referenceScorer } from './reference-scorer.ts'
export type { AlertLevel, ExplanationEntry, Scored, ScoreInput, Scorer } from './scored.ts'
