/** One question on one picture to two models: the same numbers go into both networks, and what comes out is put side by side. */
import { createHash } from 'node:crypto';
import type { Comparison, Side } from '#electron/contract/models.ts';
import { iou, type Box, type Finding } from '#models/clinical/finding.ts';
import { compose, mapBox, scaling, type Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize, type PatchOptions } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import { parseConfig } from '#models/networks/config.ts';
import { confidenceOf, openReasoner, parsePatchOptions } from '#models/reasoner.ts';
import { greedy } from '#models/runtime/sampler.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';

export interface ComparisonOrder {
  readonly folders: readonly [string, string];
  readonly picture: Picture;
  /** From the picture to the stored source. */
  readonly toSource: Affine;
  readonly question: string;
  readonly maxNewTokens: number;
}

export interface ComparisonNews {
  readonly at: 0 | 1;
  readonly phase: 'opening' | 'writing';
  readonly text: string;
}

/** A side without what the shelf knows of its model. */
export type Written = Omit<Side, 'modelId' | 'name' | 'lineage'>;

/** One after the other, so that only one of them is in memory. @throws Fault of `openReasoner` */
export async function compareModels({ folders, picture, toSource, question, maxNewTokens }: ComparisonOrder, { signal, tell }: { readonly signal: AbortSignal; readonly tell: (news: ComparisonNews) => void }): Promise<readonly [Written, Written]> {
  const common = commonPicture(picture, [patchOptionsOf(folders[0]), patchOptionsOf(folders[1])]);
  const back = compose(scaling(picture.width / common.width, picture.height / common.height), toSource);
  const side = async (at: 0 | 1): Promise<Written> => {
    signal.throwIfAborted();
    tell({ at, phase: 'opening', text: '' });
    const reasoner = await openReasoner({ folder: folders[at] });
    try {
      let text = '';
      const answer = await reasoner.ask({ frames: [common], question }, {
        sampling: greedy, maxNewTokens, signal,
        onToken(piece) {
          text += piece;
          tell({ at, phase: 'writing', text });
        },
      });
      if (answer.end === 'aborted') signal.throwIfAborted();
      const { trace, inputs, timing, tokens, end } = answer;
      return {
        device: reasoner.engine.device, answer: trace.answer, parsed: trace.parsed, raw: trace.raw === '' ? answer.text : trace.raw, steps: [...trace.steps],
        findings: trace.findings.map((finding) => ({ ...finding, frame: 0, boxes: finding.boxes.map((box) => mapBox(back, box)) })), confidence: confidenceFor(confidenceOf(answer, reasoner.tokenizer)),
        tensorSha256: hashOf(inputs.patches[0] ?? new Float32Array(0)), resized: { width: inputs.images[0]?.resized.width ?? 0, height: inputs.images[0]?.resized.height ?? 0 },
        tokens: tokens.length, tokensPerSecond: timing.tokensPerSecond, end: end === 'stop' ? 'stop' : 'length',
      };
    } finally {
      await reasoner.release();
    }
  };
  return [await side(0), await side(1)];
}

const confidenceFor = (confidence: { readonly value: number; readonly method: string } | null): Side['confidence'] => confidence && { value: confidence.value, method: confidence.method };

function patchOptionsOf(folder: string): PatchOptions {
  const { config, preprocessor } = openCheckpoint(folder);
  return parsePatchOptions(preprocessor, parseConfig(config).vision);
}

/** The picture as both would bring it to one size: the smaller of the two where they differ, so that neither is given more than the other. */
export function commonPicture(picture: Picture, options: readonly [PatchOptions, PatchOptions]): Picture {
  const [a, b] = options.map((one) => smartResize(picture.height, picture.width, one)) as [{ width: number; height: number }, { width: number; height: number }];
  if (a.width === b.width && a.height === b.height) return picture;
  return resize(picture, a.width * a.height <= b.width * b.height ? a : b);
}

/** Where two answers part: their words, how sure they are, and how far the boxes of what both name lie upon each other. */
export function differenceOf([first, second]: readonly [Pick<Written, 'answer' | 'confidence' | 'findings'>, Pick<Written, 'answer' | 'confidence' | 'findings'>]): Comparison['difference'] {
  const boxesBy = (findings: readonly Finding[]): Map<string, Box[]> => {
    const named = new Map<string, Box[]>();
    for (const { label, boxes } of findings) named.set(plain(label), [...named.get(plain(label)) ?? [], ...boxes]);
    return named;
  };
  const [a, b] = [boxesBy(first.findings), boxesBy(second.findings)];
  const boxes = [...new Set([...a.keys(), ...b.keys()])].map((label) => ({ label, iou: overlap(a.get(label) ?? [], b.get(label) ?? []) }));
  return {
    sameAnswer: first.answer !== null && second.answer !== null && (areBoxes(first.answer) && areBoxes(second.answer) ? [...a.keys()].sort().join('\n') === [...b.keys()].sort().join('\n') : plain(first.answer) === plain(second.answer)),
    confidence: first.confidence && second.confidence ? second.confidence.value - first.confidence.value : null, boxes,
  };
}

/** An answer that is a list of boxes says the same where it names the same things; how far they lie upon each other is told apart. */
const areBoxes = (answer: string): boolean => /^\s*\[[\s\S]*\]\s*$/.test(answer);

const plain = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ').replace(/\.$/, '');

/** The mean best overlap over the longer list; null where only one of them draws boxes. */
function overlap(a: readonly Box[], b: readonly Box[]): number | null {
  if (a.length === 0 || b.length === 0) return null;
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
  return longer.reduce((total, box) => total + Math.max(...shorter.map((other) => iou(box, other))), 0) / longer.length;
}

const hashOf = (data: Float32Array): string => createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');
