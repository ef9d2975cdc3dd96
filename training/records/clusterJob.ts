/** A run handed to an engine elsewhere, and what comes back of it: the two manifests that hold the pieces together by their hashes. */
import { z } from 'zod';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';
import type { PolicyStage, Recipe, Stage } from './recipe.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');
/** Below its folder: no `..`, no drive, no leading slash. */
const insidePath = z.string().min(1).max(300).refine(
  (path) => !/^[\\/]|[\\:\0]/.test(path) && path.split('/').every((part) => part !== '..' && part !== '.' && part !== ''),
  'must be a relative path inside the folder',
);
const file = z.object({ path: insidePath, bytes: z.number().int().nonnegative(), sha256: hash });
export type JobFile = z.infer<typeof file>;

export const engines = ['trl', 'verl'] as const;
export type Engine = (typeof engines)[number];

/** `job.json`: everything that the job was made of. Its own bytes are the job's identity. */
export const ClusterJob = z.object({
  version: z.literal(1),
  engine: z.enum(engines),
  recipe: z.object({ name: z.string().max(200), sha256: hash, stage: z.number().int().nonnegative(), seed: z.number().int().nonnegative() }),
  data: z.object({ snapshot: hash, cases: z.number().int().positive(), prompts: z.number().int().positive(), held: z.number().int().nonnegative() }),
  /** What the run begins from. `weights: false`: they were left out of the folder and have to be put there; their hashes are known all the same. */
  start: z.object({ name: z.string().max(200), lineage: hash, weights: z.boolean(), files: z.array(file).min(1).max(1000) }),
  trains: z.enum(['checkpoint', 'adapter']),
  rewards: z.array(z.object({ name: z.string().max(200), mode: z.enum(['published', 'strict']), weight: z.number() })).min(1).max(32),
  /** What the engine does in another way than the recipe says, one sentence each. */
  departures: z.array(z.string().max(1000)).max(100),
  /** Every other file of the folder as it was written; what the run adds lies in `result/` and `run/`. */
  files: z.array(file).max(1_000_000),
});
export type ClusterJob = z.infer<typeof ClusterJob>;

/** `result/returned.json`: what the job's last step wrote about the weights that it leaves behind. */
export const ClusterReturn = z.object({
  version: z.literal(1),
  /** SHA-256 of `job.json`. */
  job: hash,
  kind: z.enum(['checkpoint', 'adapter']),
  /** Updates done. */
  steps: z.number().int().nonnegative(),
  /** Versions of the engine and of what it stands on, by package. */
  versions: z.record(z.string().max(100), z.string().max(100)),
  /** Of `result/model`. */
  files: z.array(file).min(1).max(1000),
});
export type ClusterReturn = z.infer<typeof ClusterReturn>;

/** One policy stage with all that an engine's configuration is made from. */
export interface EnginePlan {
  readonly recipe: Recipe;
  readonly stage: Stage;
  readonly policy: PolicyStage;
  readonly switches: ObjectiveSwitches;
  /** Tokens that no completion may hold: those that stand for images. */
  readonly suppressed: readonly number[];
  /** Tokens of the longest prompt, the image's included. */
  readonly promptTokens: number;
  readonly prompts: number;
}
