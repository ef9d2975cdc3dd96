/** What the workstation does, written down: calls of the window, files that come in, answers with their records. First the entry, then the act. */
import type { Audit } from './audit/audit.ts';
import { openAudit } from './audit/audit.ts';
import { asJson, canonical, type JsonObject } from './audit/canonical.ts';
import type { EventKind } from './audit/chain.ts';
import type { SystemStore } from './audit/keys.ts';
import { hashedFile, hashOf, modelFiles, type HashedFile } from './audit/record.ts';
import type { Handlers, Method } from './contract/contract.ts';
import type { LibraryReader } from './library/library.ts';
import { manifestParts } from './library/slides.ts';
import { samplingOf, type AnsweredQuestion } from './review/ask.ts';
import { encodePng } from '#models/imaging/picture.ts';
import { Fault } from '#models/base/fault.ts';

/** Stored files that an answer is about, hashed; of a slide in DICOM the text that names its files, and each of them. */
async function sourceFiles(paths: readonly string[]): Promise<readonly HashedFile[]> {
  const files = (await Promise.all(paths.map(async (path) => [path, ...(await manifestParts(path) ?? []).map((part) => part.path)]))).flat();
  return Promise.all([...new Set(files)].map(async (path) => {
    const file = await hashedFile(path);
    return { ...file, name: `${file.sha256}.blob` };
  }));
}

/** Which calls stand in the journal, and as what. Questions stand there by themselves, as `ask` and as `answer` with its record; so do `sign` and `export`, with what they are of. */
const journalled: Readonly<Record<string, EventKind>> = {
  'library.study': 'view', 'library.remove': 'delete', 'library.restore': 'restore', 'library.status': 'edit', 'annotations.change': 'edit', 'review.ask': 'ask', 'review.locate': 'ask', 'curate.change': 'judge', 'curate.snapshot': 'snapshot',
  'curate.capture': 'label', 'curate.captureFound': 'label', 'curate.split': 'edit', 'review.check': 'probe', 'report.compose': 'edit', 'report.change': 'edit', 'report.supersede': 'edit', 'report.discard': 'delete',
  'finetune.start': 'train', 'finetune.resume': 'train', 'finetune.evaluate': 'evaluate', 'finetune.promote': 'promote', 'finetune.rollback': 'promote', 'finetune.remove': 'delete',
  'integrity.check': 'probe', 'models.import': 'import', 'models.choose': 'promote', 'models.scope': 'edit', 'models.remove': 'delete', 'models.restore': 'restore', 'models.compare': 'probe', 'locate.find': 'probe', 'locate.direct': 'ask', 'act.begin': 'probe', 'act.next': 'ask', 'act.step': 'view', 'act.end': 'view',
  'similar.search': 'probe', 'similar.tell': 'probe', 'similar.answer': 'judge', 'similar.withdraw': 'edit', 'similar.export': 'snapshot', 'models.quantize': 'import', 'finetune.addData': 'import', 'finetune.stop': 'train',
};

/** A change of the curation is a verdict, or the definition of a label. */
function kindOf(method: string, argument: unknown): EventKind | undefined {
  const { items } = (argument ?? {}) as { readonly items?: unknown };
  const isLabel = method === 'curate.change' && Array.isArray(items) && items.some((item: unknown) => (item as { readonly kind?: unknown } | null)?.kind === 'label');
  return isLabel ? 'label' : Object.hasOwn(journalled, method) ? journalled[method] : undefined;
}

/** The person's reason is in the answer's record; that there was one stands in the entry. */
const hasOverride = (argument: unknown): boolean => ((argument ?? {}) as { readonly override?: unknown }).override !== undefined;

/** Stand there only where they fail: what they were given is nobody's business, and what they do stands there by itself. */
const onlyFailures: ReadonlySet<string> = new Set(['audit.open']);

/** A look changes nothing and needs no forced write: it is on the disk with the next entry that does. */
const fleeting: ReadonlySet<EventKind> = new Set(['view', 'import']);

export interface Audited {
  readonly audit: Promise<Audit>;
  /** The same handlers, each writing down what it is about to do, and that it failed. */
  handlers(handlers: Handlers): Handlers;
  /** The same reader; each file's hash is written down before its bytes are looked into. */
  reader<Reader extends LibraryReader>(reader: Reader): Reader;
  /** Puts an answer on record. The person sees it when this is done. */
  answered(question: AnsweredQuestion, pathOf: (sha256: string) => string): Promise<void>;
  close(): Promise<void>;
}

export interface AuditedOptions {
  readonly folder: string;
  readonly version: string;
  readonly system: SystemStore | null;
  readonly passphrase: () => string | null;
  /** Sentences that a person should read. */
  readonly tell: (notice: string) => void;
}

export function startAudit({ folder, version, system, passphrase, tell }: AuditedOptions): Audited {
  const opening = async (): Promise<Audit> => openAudit({ dataFolder: folder, version, system, passphrase: passphrase() });
  const audit = opening();
  audit.then(({ journal }) => journal.notices.forEach(tell), (error: unknown) => tell(error instanceof Fault ? error.message : String(error)));
  /** Entries of the question that is answered next, by its ask. */
  const asked = new Map<string, number>();

  const subjectOf = ({ journal }: Audit, argument: unknown): Record<string, string> => {
    const { studyId: named, studyIds, reportId, traceId, items, sought } = (argument ?? {}) as Readonly<Record<'studyId' | 'studyIds' | 'reportId' | 'traceId' | 'items' | 'sought', unknown>>;
    // A search by a picture names its study within what is sought, and a change of the curation within what it changes.
    const studyId = named ?? (sought as { readonly studyId?: unknown } | undefined)?.studyId;
    const given = typeof studyId === 'string' ? [studyId] : Array.isArray(studyIds) ? studyIds : Array.isArray(items) ? items.map((item: unknown) => (item as { readonly value?: { readonly studyId?: unknown } | null } | null)?.value?.studyId) : [];
    const ids = [...new Set(given.filter((id): id is string => typeof id === 'string'))];
    return {
      ...Object.fromEntries(ids.slice(0, 100).map((id, i) => [i === 0 ? 'study' : `study${i}`, journal.pseudonym(id)])),
      ...(typeof reportId === 'string' ? { report: reportId } : {}), ...(typeof traceId === 'string' ? { answer: traceId } : {}),
    };
  };

  /** Binds the entry to what was asked for, words and all, without saying it: who has this folder can compute it again. */
  const argumentDigest = ({ journal }: Audit, argument: unknown): JsonObject => (argument === null || argument === undefined ? {} : { argument: journal.pseudonym(canonical(asJson(argument))) });

  const withEntry = (method: Method, handle: (argument: never) => Promise<unknown>) => async (argument: never): Promise<unknown> => {
    const kind = kindOf(method, argument);
    if (kind === undefined && !onlyFailures.has(method)) return handle(argument);
    const opened = await audit;
    const failed = (thrown: unknown, of: number | null): void =>
      void opened.journal.append({ kind: 'failed', subject: subjectOf(opened, argument), body: { method, of, code: thrown instanceof Fault ? thrown.code : 'internal' } });
    if (kind === undefined) {
      try {
        return await handle(argument);
      } catch (thrown) {
        failed(thrown, null);
        throw thrown;
      }
    }
    const { entry } = opened.journal.append({ kind, subject: subjectOf(opened, argument), body: { method, ...argumentDigest(opened, argument), ...(hasOverride(argument) ? { override: 'scope' } : {}) } }, { isDurable: !fleeting.has(kind) });
    const { askId } = (argument ?? {}) as { readonly askId?: unknown };
    if (kind === 'ask' && typeof askId === 'string') asked.set(askId, entry.seq);
    try {
      return await handle(argument);
    } catch (thrown) {
      failed(thrown, entry.seq);
      throw thrown;
    } finally {
      if (typeof askId === 'string') asked.delete(askId);
    }
  };

  return {
    audit,
    handlers: (handlers) => Object.fromEntries(Object.entries(handlers).map(([method, handle]) => [method, withEntry(method as Method, handle as (argument: never) => Promise<unknown>)])) as unknown as Handlers,
    reader: (reader) => ({
      ...reader,
      async inspect(file) {
        (await audit).journal.append({ kind: 'import', body: { sha256: file.sha256 } }, { isDurable: false });
        return reader.inspect(file);
      },
    }),
    async answered({ askId, trace, given, model, pictures, maxNewTokens }, pathOf) {
      const seq = asked.get(askId);
      await (await audit).keep({
        id: trace.id, studyId: trace.studyId, story: seq === undefined ? [] : [seq], study: { id: trace.studyId }, question: trace.question,
        sources: await sourceFiles([...new Set(trace.views.map(({ view }) => (view.kind === 'frame' ? view.frameId.slice(0, 64) : view.slideId)))].map(pathOf)),
        frames: trace.views.map(({ view, name, window, source, resized, slot }, i) => {
          const { picture, toSource } = pictures[i] as (typeof pictures)[number];
          return {
            name, window, sourceSize: source, resized, toSource: asJson(toSource), source: view.kind === 'frame' ? view.frameId.slice(0, 64) : view.slideId, index: view.kind === 'frame' ? Number(view.frameId.slice(65)) : 0,
            region: asJson(view.region ?? null) as JsonObject | null, asked: (view.kind === 'frame' ? asJson(view.window) : view.channels ? asJson({ channels: view.channels }) : null) as JsonObject | null,
            picture: { width: picture.width, height: picture.height, data: picture.data, png: encodePng(picture, { level: 4 }) }, grid: given.inputs.images[i]?.gridThw ?? [], tensor: hashOf(given.inputs.patches[i] ?? new Float32Array(0)), ...(slot === undefined ? {} : { slot }),
          };
        }),
        model: { name: trace.model.name, family: trace.model.family, boxes: model.convention ?? '', files: await modelFiles(model.folder) },
        prompt: { ids: given.inputs.ids, system: null }, sampling: { ...samplingOf(trace.drawn), maxNewTokens },
        output: { tokens: given.tokens, logProbabilities: given.logProbabilities, text: given.text, end: given.end },
        reading: { parsed: trace.parsed, answer: trace.answer, steps: asJson(trace.steps), findings: asJson(trace.findings), flags: asJson(trace.flags), confidence: asJson(trace.confidence), probe: null, ...(trace.override ? { override: asJson(trace.override) } : {}) },
        machine: { device: trace.model.device, runtime: model.runtime ?? '' }, timing: asJson(trace.timing) as JsonObject,
      });
    },
    async close() {
      const opened = await audit.catch(() => null);
      opened?.close();
    },
  };
}
