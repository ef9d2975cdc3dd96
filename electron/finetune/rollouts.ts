/** What was tried at an update, for the eye: groups with their pictures, the best completion first. */
import type { ShownGroup } from '#electron/contract/finetune.ts';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import { loadBytes } from '#training/data/cases.ts';
import { readRollouts } from '#training/readRun.ts';
import type { RolloutLine } from '#training/records/rollout.ts';
import { summaryOf } from '#training/rollouts/view.ts';
import { phantomRecords } from '#training/synthesis/phantoms.ts';
import { keptCases } from './data.ts';
import { runRecipe, trainerFolder } from './publish.ts';

export function shownRollouts({ folder, step }: { readonly folder: string; readonly step: number }): readonly ShownGroup[] {
  return readRollouts(trainerFolder(folder), step).map(shownGroup);
}

/** A line of a rollout file as it is shown. */
export function shownGroup(line: RolloutLine, at: number): ShownGroup {
  const { mean, spread, isSilent } = summaryOf(line);
  const corners = ({ label, box: { x1, y1, x2, y2 } }: { label: string; box: { x1: number; y1: number; x2: number; y2: number } }): ShownGroup['goldBoxes'][number] => ({ label, box: [x1, y1, x2, y2] });
  return {
    at, case: line.case, set: line.set, questionType: line.question_type, question: line.question, answer: line.answer, goldBoxes: line.gold.kind === 'boxes' ? line.gold.boxes.map(corners) : [],
    size: line.size, mean, spread, isSilent,
    completions: line.completions
      .map(({ text, pieces, logprobs, finished, reward, rewards, parts, correct, advantage, boxes }) => ({ text, pieces, logprobs, finished, reward, rewards, parts, correct, advantage, boxes }))
      .sort((a, b) => b.advantage - a.advantage || (b.reward ?? -Infinity) - (a.reward ?? -Infinity)),
  };
}

/** The picture of a group as the model saw it, as PNG. @throws Fault `finetune.picture` */
export async function rolloutPicture({ folder, step, at }: { readonly folder: string; readonly step: number; readonly at: number }): Promise<Uint8Array> {
  const line = readRollouts(trainerFolder(folder), step)[at];
  if (!line) throw noPicture(`Step ${step} has no group ${at + 1}.`);
  return encodePng(resize(await pictureOf(folder, line), line.size), { level: 3 });
}

const noPicture = (why: string): Fault => new Fault({ code: 'finetune.picture', what: 'The picture cannot be shown.', why, mend: 'Look at another group.' });

async function pictureOf(folder: string, line: RolloutLine): Promise<Picture> {
  const record = keptCases(folder).find(({ id }) => id === line.case);
  if (record) return decodePicture(loadBytes(record), record.file);
  // A stage may draw cases of its own.
  const { seed, stages } = runRecipe(folder);
  for (const { record: drawn, picture } of phantomRecords(stages[line.stage]?.phantoms ?? 0, seed)) if (drawn.id === line.case) return picture;
  throw noPicture(`The case ${line.case} is not among those of the run.`);
}
