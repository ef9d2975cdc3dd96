/**
 * The reasoner in a process of its own: the runtime holds its thread while it computes, and a window must not wait for it.
 * Requests are answered in order; only stopping overtakes.
 */

import { Fault } from '#models/base/fault.ts';
import { checkEvidence, type CitedRegion, type Evidence } from '#models/evidence.ts';
import { pictureSeen } from '#models/imaging/unpatch.ts';
import { encodePng } from '#models/imaging/picture.ts';
import { stepsSoFar } from '#models/language/parse.ts';
import { runtimeVersion } from '#models/runtime/device.ts';
import { confidenceOf, openReasoner, type Answer, type Ask, type AskOptions, type Confidence, type Reasoner, type ReasonerOptions } from '#models/reasoner.ts';
import { answerRequests, inTurn, type Task } from './port.ts';

/** An answer with how sure the model was of it: the tokenizer that this needs lives in the worker. */
export type ConfidentAnswer = Answer & { readonly confidence: Confidence | null };

export interface OpenedModel {
  readonly folder: string;
  readonly family: string;
  readonly device: string;
  readonly convention: string;
  readonly vocabulary: number;
  /** The files that its weights come from. */
  readonly weightFiles: readonly string[];
  /** Name and version of what computes it. */
  readonly runtime: string;
}

/** A piece that was written just now, and the finished steps of everything written until now. */
export interface Written {
  readonly text: string;
  readonly row: number;
  readonly steps: ReturnType<typeof stepsSoFar>;
}

/** The network's input, drawn, and as it is; the sides of a patch in pixels and of a merged block in patches. */
export interface ModelEye {
  readonly png: Uint8Array;
  readonly tensor: Float32Array;
  readonly patch: number;
  readonly merge: number;
}

let reasoner: Reasoner | undefined;

function opened(): Reasoner {
  if (!reasoner) throw new Fault({ code: 'reasoner.closed', what: 'The question cannot be asked.', why: 'No model is open.', mend: 'Choose a model first.' });
  return reasoner;
}

const methods = {
  open: inTurn(async (options: ReasonerOptions): Promise<OpenedModel> => {
    await reasoner?.release();
    reasoner = undefined;
    reasoner = await openReasoner(options);
    const { checkpoint, engine, convention } = reasoner;
    return {
      folder: checkpoint.folder, family: engine.config.family, device: engine.device, convention, vocabulary: engine.config.vocabularySize,
      weightFiles: [...new Set([...checkpoint.tensors.values()].map(({ file }) => file))].sort(), runtime: await runtimeVersion(),
    };
  }),
  sample: inTurn(async ({ ask, samples, options }: { ask: Ask; samples: number; options: Omit<AskOptions, 'onToken' | 'signal'> }, { signal, tell }: Task): Promise<readonly ConfidentAnswer[]> => {
    const { tokenizer, sample } = opened();
    const texts = new Map<number, string>();
    const answers = await sample(ask, samples, {
      ...options, signal,
      onToken(piece, row) {
        const text = (texts.get(row) ?? '') + piece;
        texts.set(row, text);
        tell({ text: piece, row, steps: stepsSoFar(text) } satisfies Written);
      },
    });
    return answers.map((answer): ConfidentAnswer => ({ ...answer, confidence: confidenceOf(answer, tokenizer) }));
  }),
  score: inTurn(({ ask, completion }: { ask: Ask; completion: string | readonly number[] }) => opened().score(ask, completion)),
  evidence: inTurn(({ ask, given, regions }: { ask: Ask; given: string; regions: readonly CitedRegion[] }, { signal, tell }: Task): Promise<Evidence> =>
    checkEvidence(opened(), ask, given, regions, { signal, told: (done, of) => tell({ done, of }) })),
  /** What the network's input looks like as a picture, PNG. */
  seen: inTurn(async ({ ask, at }: { ask: Ask; at: number }): Promise<ModelEye> => {
    const { prepare, patchOptions } = opened();
    const { patches, images } = prepare(ask);
    const [tensor, image] = [patches[at], images[at]];
    if (!tensor || !image) throw new RangeError(`seen: there is no picture ${at}`);
    return { png: encodePng(pictureSeen({ patches: tensor, ...image }, patchOptions)), tensor, patch: patchOptions.patchSize, merge: patchOptions.mergeSize };
  }),
  /** Of this process, bytes; answered between two tokens. */
  memory: () => Promise.resolve(process.memoryUsage.rss()),
  release: inTurn(async () => {
    await reasoner?.release();
    reasoner = undefined;
    return null;
  }),
};

answerRequests(methods);
