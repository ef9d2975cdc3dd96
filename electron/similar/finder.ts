/** What the process that holds encoder and vectors can be asked. */
import type { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { LookAlike } from '#training/data/lookAlikes.ts';
import type { Hit, SeenStudy } from './store.ts';

export interface Place {
  readonly key: string;
  readonly studyId: string;
  readonly seriesId: string;
}

export interface OpenedFinder {
  /** Of the encoder's weights. */
  readonly sha256: string;
  readonly places: readonly Place[];
  readonly studies: readonly SeenStudy[];
}

/** By what is searched: a stored picture, one that is shown, or a sentence. */
export type Sought = { readonly picture: Picture } | { readonly sentence: string };

export interface ToldPicture {
  readonly id: string;
  /** Null where it could not be read or shows one colour; then `why` says so. */
  readonly name: string | null;
  readonly probabilities: readonly number[];
  readonly why?: string;
}

export interface Finder {
  open(): Promise<OpenedFinder>;
  /** @throws Fault `similar.blank` */
  see(place: Place, picture: Picture): Promise<void>;
  finish(study: SeenStudy): Promise<void>;
  forget(studyIds: readonly string[]): Promise<void>;
  /** @throws Fault `similar.blank`, `similar.sentence` */
  nearest(sought: Sought, most: number, except: readonly string[]): Promise<readonly Hit[]>;
  nearDuplicates(): Promise<readonly LookAlike[]>;
  /** Cosines of the pairs AB, AC, BC of each three stored pictures. */
  closeness(triples: readonly (readonly [string, string, string])[]): Promise<readonly (readonly [number, number, number])[]>;
  /** Classes of stored pictures by key, or of picture files by path. @throws Fault `zeroshot.prompts` */
  tell(ensemble: PromptEnsemble, pictures: readonly { readonly id: string; readonly path?: string }[]): Promise<readonly ToldPicture[]>;
  close(): void;
}
