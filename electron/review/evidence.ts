/** Checks what an answer stands on, and shows what the model saw: both from the kept answer, the files and the model as they are. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import { regionsOf } from '#electron/contract/regions.ts';
import { EvidenceCheck, type AskedView, type Trace } from '#electron/contract/review.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { CitedRegion, Evidence } from '#models/evidence.ts';
import { invert, mapBox } from '#models/imaging/coordinates.ts';
import type { Ask } from '#models/reasoner.ts';
import type { AskedPicture, OpenModel } from './ask.ts';
import { sha256OfFile } from './source.ts';
import { stoppable } from './stoppable.ts';

export interface EvidenceOptions {
  readonly folder: string;
  readonly publish: Publish;
  readonly now: () => string;
  readonly trace: (traceId: string) => Trace | undefined;
  readonly picture: (view: AskedView) => Promise<AskedPicture>;
  readonly model: {
    opened(): Promise<OpenModel>;
    evidence(ask: Ask, given: string, regions: readonly CitedRegion[], options: { readonly signal: AbortSignal; readonly onProgress: (progress: { readonly done: number; readonly of: number }) => void }): Promise<Evidence>;
    seen(ask: Ask, at: number): Promise<{ readonly png: Uint8Array; readonly tensor: Float32Array }>;
  };
}

export interface EvidenceChecks {
  check(traceId: string): Promise<EvidenceCheck>;
  cancel(traceId: string): void;
  /** The latest check of each answer of a study. */
  checks(studyId: string): readonly EvidenceCheck[];
  /** What the network was given for one view of an answer, PNG. @throws Fault `evidence.other-input` where it can no longer be made */
  seen(traceId: string, at: number): Promise<Uint8Array>;
  close(): void;
}

/** Each costs two looks; the first of an answer's regions are the ones that its reasoning names first. */
const mostRegions = 12;

export function openEvidence({ folder, publish, now, trace: find, picture, model }: EvidenceOptions): EvidenceChecks {
  const journal = openJournal(join(folder, 'evidence.jsonl'), (value) => EvidenceCheck.parse(value));
  const latest = new Map(journal.entries.map((entry) => [entry.traceId, entry]));
  const running = stoppable({
    twice: { code: 'evidence.twice', what: 'The evidence is being checked.', why: 'It was asked for already.', mend: 'Wait for it, or stop it.' },
    stopped: { code: 'evidence.stopped', what: 'The check was stopped.', why: 'It was stopped before its end.', mend: 'Check again when you like.' },
  });

  const known = (traceId: string): Trace => {
    const trace = find(traceId);
    if (!trace) throw new Fault({ code: 'evidence.unknown', what: 'The evidence cannot be checked.', why: 'This answer is not kept here.', mend: 'Open the study again.' });
    return trace;
  };

  const perform = async (trace: Trace, signal: AbortSignal): Promise<EvidenceCheck> => {
    const start = performance.now();
    if (trace.answer === null) throw new Fault({ code: 'evidence.nothing', what: 'The evidence cannot be checked.', why: 'The model gave no answer in the required form.', mend: 'Ask again; a stopped or unparsed answer has nothing to check.' });
    const [opened, pictures] = await Promise.all([model.opened(), Promise.all(trace.views.map(({ view }) => picture(view)))]);
    const weights = await Promise.all(opened.weightFiles.map(sha256OfFile));
    if (weights.join() !== trace.model.weightsSha256.join()) {
      throw new Fault({ code: 'evidence.other-model', what: 'The evidence cannot be checked.', why: 'Another model answered than the one that is in use now.', mend: `Take ${trace.model.name} into use again, or ask anew.` });
    }
    const cited = regionsOf(trace).map((region) => ({ ...region, frame: Math.max(0, trace.views.findIndex(({ view }) => region.frameId === (view.kind === 'frame' ? view.frameId : `${view.slideId}-0`))) }));
    const regions = cited.slice(0, mostRegions);
    const found = await model.evidence({ frames: pictures.map((one) => one.picture), question: trace.prompt ?? trace.question }, trace.answer, regions.map(({ id, frame, box }) => ({ id, frame, box: mapBox(invert((pictures[frame] as AskedPicture).toSource), box) })), {
      signal, onProgress: ({ done, of }) => publish('review.checking', { traceId: trace.id, done, of }),
    });
    const { all, blank, shuffled, reliance, usedImage } = found;
    return {
      traceId: trace.id, studyId: trace.studyId, checkedAt: now(), all, blank, shuffled, reliance, usedImage, leftOut: cited.length - regions.length, seconds: (performance.now() - start) / 1000,
      regions: found.regions.map(({ id, hidden, control }, i) => ({ id, label: regions[i]?.label ?? '', hidden, control })),
    };
  };

  return {
    async check(traceId) {
      const trace = known(traceId);
      return running.run(traceId, async (signal) => {
        const check = await perform(trace, signal);
        journal.append(check);
        latest.set(traceId, check);
        return check;
      });
    },
    cancel: running.stop,
    checks: (studyId) => [...latest.values()].filter((check) => check.studyId === studyId),
    async seen(traceId, at) {
      const trace = known(traceId);
      const view = trace.views[at];
      if (!view) throw new Fault({ code: 'evidence.unknown', what: 'This picture cannot be shown.', why: 'The answer has no such picture.', mend: 'Open the study again.' });
      await model.opened();
      const { png, tensor } = await model.seen({ frames: [(await picture(view.view)).picture], question: trace.question }, 0);
      const hash = createHash('sha256').update(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength)).digest('hex');
      if (hash !== view.pixelsSha256) {
        throw new Fault({ code: 'evidence.other-input', what: 'What the model saw cannot be shown.', why: 'The model that is in use now would be given other numbers for this image.', mend: `Take ${trace.model.name} into use again, or ask anew.` });
      }
      return png;
    },
    close() {
      running.stopAll();
      journal.close();
    },
  };
}
