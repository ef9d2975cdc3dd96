/** What the service asks of whoever looks at pixels. */
import type { IntegrityCheck } from '#electron/contract/integrity.ts';
import type { Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Presented } from './present.ts';

export interface LookOrder {
  /** Of the network. */
  readonly folder: string;
  readonly picture: Picture;
  readonly toSource: Affine;
  readonly kind: string | null;
  /** The slices beside it, where there are two. */
  readonly before: Picture | null;
  readonly after: Picture | null;
}

export type Looked = Presented & Pick<IntegrityCheck, 'network' | 'falseAlarms'>;

export interface Looker {
  look(order: Omit<LookOrder, 'folder'>, options: { readonly signal: AbortSignal; readonly onField: (progress: { readonly done: number; readonly total: number }) => void }): Promise<Looked>;
  fingerprint(path: string): Promise<Fingerprint>;
  close(): void;
}
