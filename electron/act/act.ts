/** Steps in the viewer: kept as they are taken, and asked of the model one at a time. What a model writes is read against the table; nothing else of it is ever done. */
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { ActHeader, NextStep } from '#electron/contract/act.ts';
import type { Argument } from '#electron/contract/contract.ts';
import type { AskedView } from '#electron/contract/review.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault, type FaultFields } from '#models/base/fault.ts';
import type { ReportSection } from '#models/clinical/report.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { readAction, readCall } from '#models/viewer/actions.ts';
import { ActLog, ActStep, type ActLog as Log } from '#models/viewer/log.ts';
import { shownRegion } from '#models/viewer/state.ts';
import { callIn, readStep } from '#models/viewer/step.ts';
import { promptOf, tableInWords } from '#models/viewer/words.ts';

/** What of a model a step needs. */
export interface ActModel {
  opened(): Promise<{ readonly folder: string; readonly vocabulary: number }>;
  sample(ask: { readonly frames: readonly Picture[]; readonly question: string }, count: number, options: { readonly maxNewTokens: number; readonly signal: AbortSignal }): Promise<readonly { readonly text: string; readonly inputs: { readonly images: readonly { readonly resized: Size }[] } }[]>;
}

export interface ActsOptions {
  readonly folder: string;
  readonly now: () => string;
  readonly model: ActModel;
  readonly picture: (view: AskedView) => Promise<{ readonly picture: Picture }>;
}

export interface Acts {
  begin(header: ActHeader): void;
  step(id: string, step: ActStep): void;
  end(id: string, end: Log['end']): void;
  logs(studyId: string): readonly Log[];
  /** What was done in the viewer by somebody else than the reader, for the report. */
  sections(studyId: string): readonly ReportSection[];
  next(argument: Argument<'act.next'>): Promise<NextStep>;
  stop(id: string): void;
  close(): void;
}

const Entry = z.discriminatedUnion('what', [
  z.object({ what: z.literal('begin'), log: ActLog }),
  z.object({ what: z.literal('step'), id: z.string(), step: ActStep }),
  z.object({ what: z.literal('end'), id: z.string(), end: ActLog.shape.end }),
]);
type Entry = z.infer<typeof Entry>;

/** The longest step, in tokens. */
const maxNewTokens = 192;
/** A model of a larger vocabulary is a general one, which never learnt the table. */
const ownVocabulary = 10_000;
const mostSteps = 500;

export function openActs({ folder, now, model, picture }: ActsOptions): Acts {
  const journal = openJournal(join(folder, 'acts.jsonl'), (value) => Entry.parse(value));
  const logs = new Map<string, Log>();
  const take = (entry: Entry): void => {
    if (entry.what === 'begin') logs.set(entry.log.id, entry.log);
    const log = entry.what === 'begin' ? undefined : logs.get(entry.id);
    if (log && entry.what === 'step') logs.set(log.id, { ...log, steps: [...log.steps, entry.step] });
    if (log && entry.what === 'end') logs.set(log.id, { ...log, end: entry.end });
  };
  journal.entries.forEach(take);
  const keep = (entry: Entry): void => {
    journal.append(entry);
    take(entry);
  };
  const known = (id: string): Log => {
    const log = logs.get(id);
    if (log) return log;
    throw new Fault({ code: 'act.unknown', what: 'These steps are not kept here.', why: 'Nothing was begun under this name.', mend: 'Begin anew.' });
  };
  const running = new Map<string, AbortController>();

  return {
    begin({ id, studyId, instruction, driver, study, start }) {
      if (logs.has(id)) throw new Fault({ code: 'act.twice', what: 'These steps were begun already.', why: 'A log has this name.', mend: 'Begin anew.' });
      // Until it is said how it ended, it was stopped: by a crash, where nobody says it.
      keep({ what: 'begin', log: { kind: 'loupe-act', version: 1, id, studyId, startedAt: now(), instruction, driver, study, start, steps: [], end: 'stopped' } });
    },
    step(id, step) {
      if (known(id).steps.length >= mostSteps) throw new Fault({ code: 'act.many', what: 'No further step is kept.', why: `A log has at most ${mostSteps} steps.`, mend: 'Begin anew.' });
      keep({ what: 'step', id, step });
    },
    end(id, end) {
      known(id);
      keep({ what: 'end', id, end });
    },
    logs: (studyId) => [...logs.values()].filter((log) => log.studyId === studyId),
    sections: (studyId) => sectionsOf([...logs.values()].filter((log) => log.studyId === studyId && log.driver.kind !== 'person')),
    async next({ id, instruction, view, study, state, done }) {
      known(id);
      if (running.has(id)) throw new Fault({ code: 'act.twice', what: 'The step is being decided already.', why: 'The model is asked one step at a time.', mend: 'Wait for it, or stop.' });
      const controller = new AbortController();
      running.set(id, controller);
      try {
        const [{ folder: of, vocabulary }, shown] = await Promise.all([model.opened(), picture(view)]);
        const words = promptOf(instruction, study, state, done);
        const [given] = await model.sample({ frames: [shown.picture], question: vocabulary > ownVocabulary ? `${tableInWords()}\n\n${words}` : words }, 1, { maxNewTokens, signal: controller.signal });
        if (controller.signal.aborted || !given) throw new Fault({ code: 'act.stopped', what: 'The steps were stopped.', why: 'Before the model had decided.', mend: 'Begin anew when you like.' });
        const resized = given.inputs.images[0]?.resized ?? shown.picture;
        const region = view.region ? { x1: view.region.x, y1: view.region.y, x2: view.region.x + view.region.width, y2: view.region.y + view.region.height } : shownRegion(study, { ...state, zoom: 1 });
        return { ...stepIn(given.text, resized), view: { region, resized: { width: resized.width, height: resized.height } }, model: basename(of) };
      } catch (thrown) {
        if (controller.signal.aborted && !(thrown instanceof Fault && thrown.code === 'act.stopped')) {
          throw new Fault({ code: 'act.stopped', what: 'The steps were stopped.', why: 'Before the model had decided.', mend: 'Begin anew when you like.' }, { cause: thrown });
        }
        throw thrown;
      } finally {
        running.delete(id);
      }
    },
    stop: (id) => running.get(id)?.abort(),
    close() {
      running.forEach((controller) => controller.abort());
      journal.close();
    },
  };
}

const ends: Readonly<Record<Log['end'], string>> = { finished: 'to its end', stopped: 'stopped', limit: 'not to an end within the steps that there are', failed: 'ended by a refusal' };
/** Runs of steps that a report lists at most, the latest first. */
const mostListed = 20;

function sectionsOf(logs: readonly Log[]): readonly ReportSection[] {
  const [latest] = logs.slice(-1);
  if (!latest) return [];
  return [{
    id: 'steps', title: 'Steps in the viewer', tone: 'plain', author: { kind: 'model', name: latest.driver.name },
    text: 'Taken by fixed rules or by a model, not by the reader: they say what was shown, and are no evidence for the findings.',
    rows: logs.toReversed().slice(0, mostListed).map(({ startedAt, instruction, driver, steps, end }) => ({
      name: `${startedAt.slice(0, 16).replace('T', ' ')}, ${driver.kind === 'model' ? 'a model' : 'fixed rules'}`,
      value: `${instruction} – ${steps.map(({ call, fault }) => `${call?.action ?? 'nothing'}${fault ? ' (refused)' : ''}`).join(', ') || 'no step'}; ${ends[end]}.`.slice(0, 4000),
    })),
  }];
}

const longestWritten = 65_000;
const fieldsOf = ({ code, what, why, mend }: FaultFields): FaultFields => ({ code, what, why, mend });

/** What a model wrote as a step: the call, or the reason why there is none. */
export function stepIn(text: string, size: Size): Pick<NextStep, 'written' | 'sentence' | 'call' | 'fault'> {
  const written = text.slice(0, longestWritten);
  const sentence = (readStep(text)?.sentence ?? '').slice(0, 500);
  const call = callIn(text);
  if (call === undefined) {
    return { written, sentence, call: null, fault: { code: 'act.form', what: 'The model wrote no step.', why: 'There is no call of an action in what it wrote.', mend: 'Choose a model that learnt to drive the viewer, or show the boxes of its answer.' } };
  }
  try {
    readAction(call, size);
    const { action, point: [x, y], input_text } = readCall(call);
    return { written, sentence, call: { action, point: [x, y], input_text }, fault: null };
  } catch (thrown) {
    if (thrown instanceof Fault) return { written, sentence, call: null, fault: fieldsOf(thrown) };
    throw thrown;
  }
}
