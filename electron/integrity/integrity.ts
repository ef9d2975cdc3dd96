/** Looks for signs of alteration on what is shown, keeps what was found, and keeps a ledger of the pixels of every file that is brought in. */
import { join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import { IntegrityCheck } from '#electron/contract/integrity.ts';
import type { SeriesSummary, StudyDetail, StudySummary } from '#electron/contract/library.ts';
import type { AskedView } from '#electron/contract/review.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { ReportSection } from '#models/clinical/report.ts';
import type { Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import { kindOfImage } from './kind.ts';
import { openLedger } from './ledger.ts';
import type { Looker } from './looker.ts';
import { sectionOf } from './section.ts';

export interface IntegrityOptions {
  readonly folder: string;
  readonly publish: Publish;
  readonly now: () => string;
  readonly study: (studyId: string) => Promise<StudyDetail>;
  readonly picture: (view: AskedView) => Promise<{ readonly picture: Picture; readonly toSource: Affine }>;
  readonly pathOf: (sha256: string) => string;
  readonly looker: Looker;
  /** Files are read for the ledger when nothing came in for so long. */
  readonly idleMs?: number;
}

export interface Integrity {
  check(order: { readonly checkId: string; readonly studyId: string; readonly view: AskedView }): Promise<IntegrityCheck>;
  cancel(checkId: string): void;
  /** Newest first. */
  checks(studyId: string): readonly IntegrityCheck[];
  /** For a report; none where nothing was checked. */
  sections(studyId: string): readonly ReportSection[];
  /** Has the ledger read the files of studies that are new, when there is time. */
  came(studies: readonly Pick<StudySummary, 'id'>[]): void;
  close(): void;
}

export function openIntegrityChecks({ folder, publish, now, study, picture, pathOf, looker, idleMs = 15_000 }: IntegrityOptions): Integrity {
  const journal = openJournal(join(folder, 'integrity.jsonl'), (value) => IntegrityCheck.parse(value));
  const kept: IntegrityCheck[] = [...journal.entries];
  const ledger = openLedger(folder, now);
  const running = new Map<string, AbortController>();
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  /** What the ledger says of a file, which is noted where it is new. A file that cannot be read has no fingerprint. */
  const findingsOf = async (sha256: string): Promise<IntegrityCheck['ledger']> => {
    const fingerprint = await looker.fingerprint(pathOf(sha256)).catch((thrown: unknown) => {
      if (thrown instanceof Fault) return null;
      throw thrown;
    });
    if (fingerprint === null) return [];
    ledger.note(fingerprint);
    return [...ledger.findings(fingerprint)];
  };

  const readWaiting = async (): Promise<void> => {
    for (const studyId of waiting) {
      waiting.delete(studyId);
      const { files } = await study(studyId);
      const changed: IntegrityCheck['ledger'] = [];
      for (const { sha256 } of files) {
        if (isClosed) return;
        if (ledger.knows(sha256)) continue;
        changed.push(...(await findingsOf(sha256)).filter(({ code }) => code === 'changedPixels'));
      }
      if (changed.length > 0) publish('integrity.ledger', { studyId, findings: changed.slice(0, 20) });
    }
  };

  /** The slices on both sides, in the same window; nulls at an end, and for anything but a stack. */
  const beside = async (series: SeriesSummary | undefined, view: AskedView): Promise<readonly [Picture | null, Picture | null]> => {
    if (view.kind !== 'frame' || series?.kind !== 'stack') return [null, null];
    const at = series.frames.findIndex(({ id }) => id === view.frameId);
    const [before, after] = [series.frames[at - 1], series.frames[at + 1]];
    if (!before || !after) return [null, null];
    const [one, other] = await Promise.all([before, after].map(async ({ id }) => (await picture({ ...view, frameId: id })).picture));
    return [one ?? null, other ?? null];
  };

  return {
    async check({ checkId, studyId, view }) {
      if (running.size > 0) throw new Fault({ code: 'integrity.busy', what: 'The image cannot be checked now.', why: 'Another one is being checked.', mend: 'Wait for it, or stop it.' });
      const controller = new AbortController();
      running.set(checkId, controller);
      const started = performance.now();
      try {
        const shown = await picture(view);
        const { series } = await study(studyId);
        const own = series.find(({ frames, slide }) => (view.kind === 'frame' ? frames.some(({ id }) => id === view.frameId) : slide?.id === view.slideId));
        const [before, after] = await beside(own, view);
        controller.signal.throwIfAborted();
        const looked = await looker.look({ picture: shown.picture, toSource: shown.toSource, kind: kindOfImage(own?.modality ?? null), before, after }, { signal: controller.signal, onField: ({ done, total }) => publish('integrity.progress', { checkId, done, total }) });
        const found: IntegrityCheck = {
          id: checkId, studyId, view, at: now(), ...looked, ledger: await findingsOf(view.kind === 'frame' ? view.frameId.slice(0, 64) : view.slideId), seconds: (performance.now() - started) / 1000,
        };
        journal.append(found);
        kept.push(found);
        return found;
      } catch (thrown) {
        if (controller.signal.aborted) throw new Fault({ code: 'integrity.stopped', what: 'The check was stopped.', why: 'A person stopped it.', mend: 'Begin it again when it is wanted.' });
        throw thrown;
      } finally {
        running.delete(checkId);
      }
    },
    cancel: (checkId) => running.get(checkId)?.abort(),
    checks: (studyId) => kept.filter((one) => one.studyId === studyId).reverse(),
    sections(studyId) {
      const own = kept.filter((one) => one.studyId === studyId).reverse();
      return own.length > 0 ? [sectionOf(own)] : [];
    },
    came(studies) {
      for (const { id } of studies) waiting.add(id);
      clearTimeout(timer);
      timer = setTimeout(() => void readWaiting().catch((error: unknown) => isClosed || console.error('The ledger of pixels could not be written:', error)), idleMs);
      timer.unref();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const controller of running.values()) controller.abort();
      journal.close();
      ledger.close();
      looker.close();
    },
  };
}
