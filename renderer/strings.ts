/** English of what lies around the screens; all of it together is what the window can say. */
import { actionStrings } from './actions.ts';
import { auditStrings } from './audit/strings.ts';
import { curateStrings } from './curate/strings.ts';
import { finetuneStrings } from './finetune/strings.ts';
import { libraryStrings } from './library/strings.ts';
import { reportStrings } from './report/strings.ts';
import { stageStrings } from './review/stageStrings.ts';
import { modelStrings } from './models/strings.ts';
import { evidenceStrings } from './review/Evidence.tsx';
import { judgeStrings } from './review/judge.ts';
import { reviewStrings } from './review/strings.ts';
import type { Strings } from './workstation/text.ts';

const appStrings = {
  name: 'Loupe',
  again: 'Try again',
  library: 'Library',
  review: 'Review',
  curate: 'Dataset',
  finetune: 'Training',
  models: 'Models',
  report: 'Report',
  audit: 'Audit',
  find: 'Find a command or a study',
  nothingFound: 'Nothing fits.',
  commands: 'Commands',
  studies: 'Studies',
  shortcuts: 'Keyboard shortcuts',
  everywhere: 'Everywhere',
  research: 'Research use only — not a medical device',
  local: 'On this machine only',
  localTitle: '{{count}} requests to the network were cancelled. Nothing leaves this machine.',
  restarted: 'The {{name}} process ended and was started again.',
  failed: 'The {{name}} process ends each time it starts.',
  dismiss: 'Close',
  undo: 'Undo',
  version: 'Loupe {{version}} · {{runtime}}',
} as const;

/** Action names hold dots, which separate keys: they are kept apart. */
const actionTable = Object.fromEntries(Object.entries(actionStrings).map(([name, label]) => [name.replace('.', ':'), label]));

export const english: Strings = { app: appStrings, library: libraryStrings, review: reviewStrings, stage: stageStrings, curate: curateStrings, finetune: finetuneStrings, models: modelStrings, report: reportStrings, audit: auditStrings, judge: judgeStrings, evidence: evidenceStrings, actions: actionTable };
export const actionKey = (name: string): string => `actions.${name.replace('.', ':')}`;
