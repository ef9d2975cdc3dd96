/** All that the window may be told. */
import { z } from 'zod';
import { AuditVerifying } from './audit.ts';
import { CurateChanged } from './curate.ts';
import { finetuneEvents } from './finetune.ts';
import { locatingEvents } from './locating.ts';
import { integrityEvents } from './integrity.ts';
import { modelEvents } from './models.ts';
import { ImportProgress, StudyId, StudySummary } from './library.ts';
import { ReportChanged } from './report.ts';
import { AnswerPart, EvidenceProgress } from './review.ts';
import { similarEvents } from './similar.ts';

export const events = {
  /** Studies that are new or changed, and those that are gone. */
  'library.changed': z.object({ studies: z.array(StudySummary), removed: z.array(StudyId) }),
  'library.progress': ImportProgress,
  'review.part': AnswerPart,
  'review.checking': EvidenceProgress,
  ...finetuneEvents,
  ...modelEvents,
  ...similarEvents,
  ...integrityEvents,
  ...locatingEvents,
  'curate.changed': CurateChanged,
  'report.changed': ReportChanged,
  'audit.verifying': AuditVerifying,
  /** A process of ours died and was started again, or could not be. */
  'app.worker': z.object({ name: z.enum(['decoding', 'inference', 'training', 'models', 'integrity', 'similar', 'locating', 'writing']), state: z.enum(['restarted', 'failed']), why: z.string() }),
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type EventName = keyof typeof events;
export type Payload<E extends EventName> = z.output<(typeof events)[E]>;
export type Publish = <E extends EventName>(event: E, payload: Payload<E>) => void;

export const eventNames = Object.keys(events) as EventName[];
export const isEventName = (name: unknown): name is EventName => typeof name === 'string' && Object.hasOwn(events, name);
