/** English of what lies around the screens; all of it together is what the window can say. */
import { actionStrings } from './actions.ts';
import { auditStrings } from './audit/strings.ts';
import { curateStrings } from './curate/strings.ts';
import { finetuneStrings } from './finetune/strings.ts';
import { integrityStrings } from './integrity/strings.ts';
import { libraryStrings } from './library/strings.ts';
import { locateStrings } from './locate/strings.ts';
import { reportStrings } from './report/strings.ts';
import { actStrings } from './review/actStrings.ts';
import { stageStrings } from './review/stageStrings.ts';
import { modelStrings } from './models/strings.ts';
import { evidenceStrings } from './review/evidenceStrings.ts';
import { judgeStrings } from './review/judge.ts';
import { reviewStrings } from './review/strings.ts';
import { similarStrings } from './similar/strings.ts';
import type { Strings } from './workstation/text.ts';

const settingsStrings = {
  title: 'Keys and settings',
  keymap: 'Keys as in',
  maps: { loupe: 'Loupe', ohif: 'OHIF', weasis: 'Weasis', horos: 'Horos', qupath: 'QuPath' },
  about: {
    loupe: 'Those of OHIF, with single letters for tools and for judging an answer.',
    ohif: 'Four CT windows on digits, R and L turn, H and V mirror, I inverts, Space resets.',
    weasis: 'T moves, D A Y B draw, H the crosshair, Alt turns and mirrors, digits follow Weasis, arrows change the series. / asks.',
    horos: 'L A E C Q P draw, I turns, 1 to 9 are windows. Asking and judging move to Alt.',
    qupath: 'L R O P draw, H hides the model’s marks, A the drawings. Asking and judging move to Alt.',
  },
  reset_one: 'Drop {{count}} key of your own',
  reset_other: 'Drop {{count}} keys of your own',
  conflicts_one: 'One key is claimed twice',
  conflicts_other: '{{count}} keys are claimed twice',
  hint: 'Choose a key to change it, then press the new one. Delete takes it away, Escape leaves it.',
  press: 'Press a key …',
  none: 'none',
  change: 'Key of: {{name}}',
  contexts: { library: 'Library', frames: 'Review: images', planes: 'Review: planes', slide: 'Review: slides', report: 'Report', curate: 'Dataset', finetune: 'Training', models: 'Models', audit: 'Audit', similar: 'Similar' },
} as const;

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
  similar: 'Similar',
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
  drawings: 'Drawings',
  channels: 'Channels',
  channelsReset: 'As in the file',
  channelShown: 'Show {{name}}',
  channelColour: 'Colour of {{name}}',
  channelLow: '{{name}}: black up to',
  channelHigh: '{{name}}: full colour from',
  marks: 'Marks of the model',
  dismiss: 'Close',
  undo: 'Undo',
  settings: 'Keys and settings',
  version: 'Loupe {{version}} · {{runtime}}',
} as const;

/** Action names hold dots, which separate keys: they are kept apart. */
const actionTable = Object.fromEntries(Object.entries(actionStrings).map(([name, label]) => [name.replace('.', ':'), label]));

export const english: Strings = { app: appStrings, settings: settingsStrings, library: libraryStrings, review: reviewStrings, stage: stageStrings, curate: curateStrings, finetune: finetuneStrings, models: modelStrings, integrity: integrityStrings, similar: similarStrings, locate: locateStrings, report: reportStrings, audit: auditStrings, judge: judgeStrings, evidence: evidenceStrings, act: actStrings, actions: actionTable };
export const actionKey = (name: string): string => `actions.${name.replace('.', ':')}`;
