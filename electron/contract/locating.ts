/** What the window knows of finding more like this: examples in, boxes out while they come; and of directives, by which a sentence says what is sought. */
import { z } from 'zod';
import { directiveRefusals, DirectiveWords } from '#models/clinical/directive.ts';
import { Box } from '#models/clinical/finding.ts';
import { FrameId, Sha256, StudyId } from './library.ts';
import { Region, ViewWindow } from './review.ts';

export const SweepId = z.string().regex(/^[\w-]{1,64}$/);
const index = z.number().int().nonnegative();

/** A box around an example, in pixels of its source. */
export const Example = z.object({ frameId: FrameId, box: Box });
export type Example = z.infer<typeof Example>;

/** What is sought: what examples show, a kind that the localizer keeps a prompt of, or what the latest directive of the series says. */
export const Seek = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('examples'), like: z.array(Example).max(64), unlike: z.array(Example).max(64) }),
  z.object({ kind: z.literal('stored'), name: z.string().min(1).max(60) }),
  z.object({ kind: z.literal('directive') }),
]);
export type Seek = z.infer<typeof Seek>;

export const SweepOrder = z.object({
  sweepId: SweepId, studyId: StudyId, seriesId: z.string().min(1).max(200), seek: Seek,
  /** The shown image, or what is seen of a slide; or every image of the series, or the whole slide. */
  scope: z.enum(['view', 'all']),
  /** The image that the reader is at, from 0: the nearest are searched first. */
  at: index,
  /** What is seen of a slide. */
  region: Region.nullable(),
  window: ViewWindow.nullable(),
});
export type SweepOrder = z.infer<typeof SweepOrder>;

export const FoundThing = z.object({
  id: z.string().max(120), frameId: FrameId,
  /** In pixels of its source. */
  box: Box, score: z.number().min(0).max(1),
  /** The kind whose prompt found it; null where examples did. */
  label: z.string().max(60).nullable(),
  /** Of the directive that was followed when its image was searched; 0 without one. */
  version: index,
});
export type FoundThing = z.infer<typeof FoundThing>;

/** An image that was searched, and by which directive. */
export const SearchedImage = z.object({ at: index, version: index });
export type SearchedImage = z.infer<typeof SearchedImage>;

/** What a sweep found on one image or field. */
export const SweepNews = z.object({ sweepId: SweepId, done: index, total: index, image: SearchedImage.nullable(), found: z.array(FoundThing), isUnsure: z.boolean() });
export type SweepNews = z.infer<typeof SweepNews>;

export const sweepEnds = ['done', 'stopped', 'expired'] as const;
export const Sweep = z.object({
  sweepId: SweepId, studyId: StudyId, seriesId: z.string(), total: index, searched: z.array(SearchedImage), found: z.array(FoundThing), end: z.enum(sweepEnds),
  /** Images of one colour: there is nothing on them to be found. */
  blank: index, localizer: Sha256, seconds: z.number().nonnegative(),
});
export type Sweep = z.infer<typeof Sweep>;

/** A sentence and what became of it. Without words nothing could be made of it, and everything that is known is sought. */
export const Directive = z.object({
  version: z.number().int().positive(), studyId: StudyId, seriesId: z.string(),
  /** As it was said. */
  text: z.string(),
  words: DirectiveWords.nullable(),
  refusal: z.object({ code: z.enum(directiveRefusals), why: z.string() }).nullable(),
  /** What the model wrote. */
  raw: z.string(),
  /** The images that the model was shown. */
  origin: z.array(FrameId),
  rewriter: z.object({ name: z.string(), weightsSha256: z.array(Sha256) }),
  madeAt: z.string(), expiresAt: z.string(), seconds: z.number().nonnegative(),
});
export type Directive = z.infer<typeof Directive>;

/** Of the series that are being thought about, and of those that a directive was made for just now. */
export const DirectiveNews = z.object({ studyId: StudyId, seriesId: z.string(), isThinking: z.boolean(), directive: Directive.nullable(), why: z.string().nullable() });
export type DirectiveNews = z.infer<typeof DirectiveNews>;

/** What can be sought here. */
export const LocatorState = z.object({
  localizer: z.object({ sha256: Sha256, kinds: z.array(z.object({ name: z.string(), examples: z.number().int() })) }).nullable(),
  /** Why nothing can be sought. */
  refusal: z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() }).nullable(),
});
export type LocatorState = z.infer<typeof LocatorState>;

/** What was searched in a series by directives: for the panel, and for a report. */
export const SearchLog = z.object({
  directives: z.array(Directive),
  sweeps: z.array(z.object({ sweepId: SweepId, at: z.string(), seriesId: z.string(), seek: Seek, total: index, searched: z.array(SearchedImage), found: index, end: z.enum(sweepEnds), localizer: Sha256 })),
});
export type SearchLog = z.infer<typeof SearchLog>;

/** The methods, for the one table. */
export const locatingMethods = {
  'locate.state': { argument: z.null(), result: LocatorState },
  /** Answers when everything was searched; meanwhile `locate.found` tells what comes. */
  'locate.find': { argument: SweepOrder, result: Sweep },
  /** The reader has gone on to another image: what is near is searched first. */
  'locate.follow': { argument: z.object({ sweepId: SweepId, at: index }), result: z.null() },
  'locate.cancel': { argument: z.object({ sweepId: SweepId }), result: z.null() },
  /** Makes a directive of a sentence; sweeps of the series follow it from then on. */
  'locate.direct': { argument: z.object({ studyId: StudyId, seriesId: z.string().min(1).max(200), text: z.string().trim().min(1).max(400), at: index, window: ViewWindow.nullable() }), result: Directive },
  /** Gives up the sentence that is being thought about; the latest directive stays. */
  'locate.undirect': { argument: z.object({ studyId: StudyId, seriesId: z.string().max(200) }), result: z.null() },
  'locate.log': { argument: z.object({ studyId: StudyId }), result: SearchLog },
} as const;

export const locatingEvents = { 'locate.found': SweepNews, 'locate.directive': DirectiveNews } as const;
