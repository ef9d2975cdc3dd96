/** Eight sampled completions of one image prompt, all of the same length, from seeing the image to the last token. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Picture } from '#models/imaging/image.ts';
import { toVisionInput } from '#models/imaging/patches.ts';
import { openReasoner } from '#models/reasoner.ts';
import { generate, type Completion } from '#models/runtime/generate.ts';
import { greedy, type Sampling } from '#models/runtime/sampler.ts';
import { alternate, peakRssMb, rounded, timed, type Contender } from './measure.ts';
import type { Peer } from './peer.ts';

export interface GenerateBench {
  readonly model: string;
  readonly picture: Picture;
  readonly peer: Peer | null;
  readonly rounds: number;
  readonly threads: number;
  /** Whether the threads were asked for; otherwise our side chooses its own, as it does for every user. */
  readonly isFixed: boolean;
  readonly samples: number;
  readonly newTokens: number;
}

export async function benchGenerate({ model, picture, peer, rounds, threads, isFixed, samples, newTokens }: GenerateBench): Promise<Record<string, unknown>> {
  const reasoner = await openReasoner({ folder: model, device: 'cpu', ...(isFixed ? { threads } : {}) });
  const { engine, patchOptions } = reasoner;
  const { ids, images } = reasoner.prepare({ frames: [picture], question: 'Is there an abnormality, and where?' });
  const grids = images.map(({ gridThw }) => gridThw);
  const vision = toVisionInput([picture], patchOptions);
  const write = async (sampling: Sampling, count: number): Promise<readonly Completion[]> => {
    const rows = await engine.see([vision]);
    const prefilled = await engine.read({ ids, grids, vision: rows });
    return generate(engine.network, prefilled, count, { sampling, maxNewTokens: newTokens, stops: new Set() });
  };
  let written = 0;
  const sampled = (): Promise<number> =>
    timed(async () => {
      const completions = await write({ ...greedy, temperature: 1 }, samples);
      written = completions.reduce((total, { tokens }) => total + tokens.length, 0);
    });
  const contenders: Contender[] = [sampled];
  const folder = mkdtempSync(join(tmpdir(), 'loupe-bench-'));
  try {
    let peerRss = 0;
    let agreement: string | null = null;
    if (peer) {
      const pixels = join(folder, 'pixels.f32');
      writeFileSync(pixels, new Uint8Array(vision.patches.buffer, vision.patches.byteOffset, vision.patches.byteLength));
      await peer.ask({ do: 'prepare', model, input_ids: ids, grids, pixels, threads });
      const { first } = await peer.ask({ do: 'generate', group: 1, new_tokens: newTokens, sample: false });
      agreement = equalTokens((await write(greedy, 1))[0]!.tokens, first as readonly number[], reasoner.tokenizer.idOf('<|im_end|>'));
      contenders.push(async () => {
        const { ms, peak_rss_mb: rss } = await peer.ask({ do: 'generate', group: samples, new_tokens: newTokens, sample: true });
        peerRss = rss;
        return ms as number;
      });
    }
    const [own, theirs] = await alternate(contenders, rounds);
    const perSecond = (ms: number): number => rounded((samples * newTokens * 1000) / ms);
    return {
      what: `${samples} rollouts of one image prompt (${ids.length} tokens), ${newTokens} new tokens each`,
      ours: { ...own, tokens: written, tokens_per_s: perSecond(own!.median_ms), peak_rss_mb: peakRssMb() },
      ...(theirs
        ? {
            peer: {
              ...theirs,
              name: 'transformers generate on PyTorch 2.13',
              tokens_per_s: perSecond(theirs.median_ms),
              peak_rss_mb: Math.round(peerRss),
              same_greedy_tokens: agreement,
            },
            ratio: rounded(theirs.median_ms / own!.median_ms),
          }
        : {}),
    };
  } finally {
    await reasoner.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * How many tokens of two greedy completions agree, of those before the end token: that both run the same network.
 * After its end token ours goes on; the peer is not allowed to write one before its last.
 */
function equalTokens(ours: readonly number[], theirs: readonly number[], end: number | undefined): string {
  const own = ours.slice(0, end !== undefined && ours.includes(end) ? ours.indexOf(end) : ours.length);
  const differs = own.findIndex((token, i) => token !== theirs[i]);
  return `${differs < 0 ? own.length : differs} of ${own.length}`;
}
