/**
 * Selective Sample Replay (VL-Rethinker, arXiv 2504.08837): groups whose rewards tie teach nothing, so their places are filled with earlier samples
 * that do.
 *
 *   P(j) = |A_j|^alpha / Σ |A_k|^alpha
 *
 * With a batch B and its useful part E = {i : |A_i| > 0}: E joins the memory, |B| − |E| samples are drawn from the memory by P with replacement, and
 * E with the drawn ones is trained on. The memory lives for one episode.
 * Departure from the released code: there the batch shrinks to half and the filter is never switched on; here is what the paper describes.
 */
import type { Random } from '#models/base/random.ts';
import type { Curriculum, CurriculumMaker } from '#training/records/curriculum.ts';
import type { Group, Prompt, Rollout } from '#training/records/policy.ts';
import { knownOptions, numberOption } from './options.ts';

/** What the memory must know of a sample; the rest (tokens and the log-probabilities at the time of sampling) travels along. */
export interface Replayable {
  readonly advantage: number;
}

/** How probable each sample is to be drawn; `alpha` 0 draws evenly. Advantages are not all 0. */
export function replayProbabilities(advantages: readonly number[], alpha = 1): number[] {
  const powers = advantages.map((advantage) => Math.abs(advantage) ** alpha);
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export interface ReplayedBatch<T> {
  /** The useful samples of this step. */
  readonly fresh: readonly T[];
  readonly replayed: readonly T[];
  /** Share of the batch that was useful by itself. */
  readonly usefulShare: number;
}

/** Useful samples of the running episode. Plain data, so that a run can be stopped and resumed. */
export class ReplayMemory<T extends Replayable> {
  private held: T[];

  /** @param episode updates after which the memory is emptied */
  constructor(readonly episode: number, held: readonly T[] = []) {
    this.held = [...held];
  }

  get samples(): readonly T[] {
    return this.held;
  }

  /** The batch that is trained on at update `step` (from 0); both parts are empty where there is nothing to learn from, and then the update is to be left out. */
  fill(step: number, batch: readonly T[], random: Random, alpha = 1): ReplayedBatch<T> {
    if (step % this.episode === 0) this.held = [];
    const fresh = batch.filter(({ advantage }) => advantage !== 0);
    this.held.push(...fresh);
    const missing = this.held.length > 0 ? batch.length - fresh.length : 0;
    const probabilities = missing > 0 ? replayProbabilities(this.held.map(({ advantage }) => advantage), alpha) : [];
    const replayed = Array.from({ length: missing }, () => this.held[drawn(probabilities, random)]!);
    return { fresh, replayed, usefulShare: batch.length > 0 ? fresh.length / batch.length : 0 };
  }
}

function drawn(probabilities: readonly number[], random: Random): number {
  let left = random.uniform();
  const at = probabilities.findIndex((probability) => (left -= probability) < 0);
  return at < 0 ? probabilities.length - 1 : at;
}

interface Remembered extends Replayable {
  readonly prompt: Prompt;
  readonly rollout: Rollout;
}

/** The curriculum. Options: `alpha` (1), `episode` (updates until the memory is emptied, 32). Old log-probabilities travel with their samples. */
export const replay: CurriculumMaker = (options): Curriculum => {
  const owner = 'the curriculum replay';
  knownOptions(owner, options, ['alpha', 'episode']);
  const alpha = numberOption(owner, options, 'alpha', 1, { least: 0, most: 10 });
  const episode = numberOption(owner, options, 'episode', 32, { least: 1, most: 1_000_000, whole: true });
  let memory = new ReplayMemory<Remembered>(episode);
  return {
    select(groups, { place, random }) {
      const batch = groups.flatMap(({ prompt, rollouts }) => rollouts.map((rollout) => ({ prompt, rollout, advantage: rollout.advantage })));
      const { fresh, replayed } = memory.fill(place.step, batch, random, alpha);
      return [...grouped(fresh), ...grouped(replayed)];
    },
    save: () => memory.samples,
    restore(saved) {
      memory = new ReplayMemory(episode, saved as readonly Remembered[]);
    },
  };
};

/** Samples of one prompt together again, in the order in which the prompts appear. */
function grouped(samples: readonly Remembered[]): Group[] {
  const groups = new Map<string, { prompt: Prompt; rollouts: Rollout[] }>();
  for (const { prompt, rollout } of samples) {
    const group = groups.get(prompt.id) ?? { prompt, rollouts: [] };
    group.rollouts.push(rollout);
    groups.set(prompt.id, group);
  }
  return [...groups.values()];
}
