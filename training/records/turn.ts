/** One question about one image with the completion that the model should give to it. */
import type { Gold } from '#training/rewards/gold.ts';

export interface Turn {
  /** As the index spells it (`finding_class`), or one of the measured kinds (`brightness_side`). */
  readonly questionType: string;
  /** The index's task where the answer decides it, else null. */
  readonly task: string | null;
  readonly question: string;
  /** What the model writes: `<think>…</think>` and `<answer>…</answer>`, or the latter alone. */
  readonly completion: string;
  /** The bare answer within the completion. */
  readonly answer: string;
  readonly gold: Gold;
  readonly style: 'reasoned' | 'direct';
  /** How often to draw this turn, relative to the others of its image. */
  readonly weight: number;
}
