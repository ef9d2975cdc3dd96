/** The slow path: a sentence becomes a directive, checked before anything follows it. Whatever fails, the latest one stays. */
import { join } from 'node:path';
import { z } from 'zod';
import { Directive, type DirectiveNews } from '#electron/contract/locating.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import { directiveQuestion, directiveRefusal, readDirective } from '#models/clinical/directive.ts';
import type { Picture } from '#models/imaging/image.ts';

/** Writes what a sentence asks for: a model, seconds a sentence. */
export interface Rewriter {
  about(): Promise<{ readonly name: string; readonly weightsSha256: readonly string[] }>;
  write(ask: { readonly frames: readonly Picture[]; readonly question: string }, signal: AbortSignal): Promise<string>;
}

/** A directive that was not made: why is kept, and the one before it stays. */
const Lost = z.object({ studyId: z.string(), seriesId: z.string(), text: z.string(), at: z.string(), why: z.string() });
const Line = z.union([Directive, Lost]);

export interface DirectingOptions {
  readonly folder: string;
  readonly rewriter: Rewriter;
  readonly now: () => string;
  readonly tell: (news: DirectiveNews) => void;
}

export interface SentenceToDirect {
  readonly studyId: string;
  readonly seriesId: string;
  readonly text: string;
  readonly slices: number;
  /** The image that is shown, from 0. */
  readonly at: number;
  readonly laterality: 'left' | 'right' | null;
  /** One to four. */
  readonly images: readonly { readonly frameId: string; readonly picture: Picture }[];
}

export interface Directing {
  direct(sentence: SentenceToDirect): Promise<Directive>;
  /** Whether a sentence of that series is being thought about. */
  isThinking(studyId: string, seriesId: string): boolean;
  /** Gives up the sentence of that series that is being thought about. */
  giveUp(studyId: string, seriesId: string): void;
  /** The directive that holds now; undefined where there is none, or where it has expired. */
  current(studyId: string, seriesId: string): Directive | undefined;
  all(studyId: string): readonly Directive[];
  close(): void;
}

/** How long a directive holds: a study that lies open over lunch is not searched by what was asked before. */
export const holdsMinutes = 15;

export function openDirecting({ folder, rewriter, now, tell }: DirectingOptions): Directing {
  const journal = openJournal(join(folder, 'directives.jsonl'), (value) => Line.parse(value));
  const made = journal.entries.flatMap((line) => ('version' in line ? [line] : []));
  const latest = new Map<string, Directive>();
  const versions = new Map<string, number>();
  const thinking = new Map<string, AbortController>();
  const keyOf = (studyId: string, seriesId: string): string => `${studyId}/${seriesId}`;
  for (const directive of made) {
    latest.set(keyOf(directive.studyId, directive.seriesId), directive);
    versions.set(keyOf(directive.studyId, directive.seriesId), directive.version);
  }

  return {
    async direct({ studyId, seriesId, text, slices, at, laterality, images }) {
      const key = keyOf(studyId, seriesId);
      thinking.get(key)?.abort();
      const controller = new AbortController();
      thinking.set(key, controller);
      const started = performance.now();
      const state = (isThinking: boolean, directive: Directive | null, why: string | null): void => tell({ studyId, seriesId, isThinking, directive, why });
      state(true, null, null);
      try {
        const about = await rewriter.about();
        const raw = await rewriter.write({ frames: images.map(({ picture }) => picture), question: directiveQuestion(text, slices, at + 1) }, controller.signal);
        controller.signal.throwIfAborted();
        const said = readDirective(raw);
        const refusal = directiveRefusal(said, { text, slices, laterality });
        const version = (versions.get(key) ?? 0) + 1;
        const madeAt = now();
        const directive: Directive = {
          version, studyId, seriesId, text, words: refusal ? null : said, refusal: refusal && { ...refusal }, raw: raw.slice(0, 4000), origin: images.map(({ frameId }) => frameId),
          rewriter: { name: about.name, weightsSha256: [...about.weightsSha256] }, madeAt, expiresAt: new Date(Date.parse(madeAt) + holdsMinutes * 60_000).toISOString(), seconds: (performance.now() - started) / 1000,
        };
        journal.append(directive);
        versions.set(key, version);
        latest.set(key, directive);
        made.push(directive);
        state(false, directive, null);
        return directive;
      } catch (thrown) {
        const isGivenUp = controller.signal.aborted;
        const why = isGivenUp ? 'It was given up.' : thrown instanceof Fault ? thrown.why : thrown instanceof Error ? thrown.message : String(thrown);
        journal.append({ studyId, seriesId, text, at: now(), why });
        // A newer sentence of this series goes on thinking.
        if (thinking.get(key) === controller) state(false, null, why);
        if (isGivenUp) throw new Fault({ code: 'locate.givenUp', what: 'The sentence was given up.', why: 'It was stopped, or another one took its place.', mend: 'Say it again when you like; the latest directive still holds.' });
        throw thrown;
      } finally {
        if (thinking.get(key) === controller) thinking.delete(key);
      }
    },
    isThinking: (studyId, seriesId) => thinking.has(keyOf(studyId, seriesId)),
    giveUp: (studyId, seriesId) => thinking.get(keyOf(studyId, seriesId))?.abort(),
    current(studyId, seriesId) {
      const directive = latest.get(keyOf(studyId, seriesId));
      return directive && Date.parse(directive.expiresAt) > Date.parse(now()) ? directive : undefined;
    },
    all: (studyId) => made.filter((one) => one.studyId === studyId),
    close() {
      thinking.forEach((controller) => controller.abort());
      journal.close();
    },
  };
}
