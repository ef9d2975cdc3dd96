/** What the page knows of checks of answers, and how it changes. */
import type { EvidenceCheck, EvidenceProgress } from '#electron/contract/review.ts';

export interface Checks {
  /** By answer. */
  readonly done: Readonly<Record<string, EvidenceCheck>>;
  readonly running: EvidenceProgress | null;
  /** Whether what the model saw is on the screen. */
  readonly isEyeOpen: boolean;
}

export type ChecksChange =
  | { readonly type: 'loaded'; readonly checks: readonly EvidenceCheck[] }
  | { readonly type: 'progress'; readonly progress: EvidenceProgress }
  | { readonly type: 'ended'; readonly traceId: string }
  | { readonly type: 'eye'; readonly isOpen: boolean };

export const noChecks: Checks = { done: {}, running: null, isEyeOpen: false };

export function reduceChecks(state: Checks, change: ChecksChange): Checks {
  switch (change.type) {
    case 'loaded': return { ...state, done: { ...state.done, ...Object.fromEntries(change.checks.map((check) => [check.traceId, check])) } };
    case 'progress': return { ...state, running: change.progress };
    case 'ended': return state.running?.traceId === change.traceId ? { ...state, running: null } : state;
    case 'eye': return { ...state, isEyeOpen: change.isOpen };
  }
}

/** What a check says of one region. */
export function standing({ hidden, control }: Pick<EvidenceCheck['regions'][number], 'hidden' | 'control'>): 'carries' | 'idle' | 'unspecific' {
  if (hidden <= 0.05) return 'idle';
  return hidden - control > 0.05 ? 'carries' : 'unspecific';
}
