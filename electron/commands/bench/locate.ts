/** More like this: how many slices of 512 pixels are searched a second, also beside a model that writes, and how often sentences lead to what was meant. */
import { join } from 'node:path';
import { workerFile } from '#electron/storage/folders.ts';
import { startInference } from '#electron/workers/inferenceClient.ts';
import { openRewriterModel } from '#electron/locate/rewriter.ts';
import type { Picture } from '#models/imaging/image.ts';
import { openLocator } from '#models/locator.ts';
import { openReasoner } from '#models/reasoner.ts';
import { casesOf } from '#training/prepare.ts';
import { directiveBench, directiveBenchText } from '#training/directiveBench.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';
import { rounded } from './measure.ts';

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** The bar: slices a second on two cores. */
const least = 10;

export interface LocateBench {
  readonly localizer: string;
  /** The model that writes meanwhile, in a process of its own as in the workstation. */
  readonly slow: string;
  readonly rounds: number;
  readonly threads: number;
}

/** Slices a second, alone and while the slow model writes answer after answer: the two share the processors, and neither waits for the other. */
export async function benchLocate({ localizer, slow, rounds, threads }: LocateBench): Promise<readonly Record<string, unknown>[]> {
  const locator = await openLocator(localizer, { threads });
  const writer = startInference(workerFile('inference'));
  try {
    const pictures = Array.from({ length: 8 }, (_, i): Picture => framePicture(drawPhantom('chest_film', i + 1, { size: 512 }).frames[0]!));
    const prompt = await locator.prompt(await locator.see(pictures[0]!), [{ x1: 60, y1: 60, x2: 220, y2: 400 }]);
    const sweep = async (): Promise<Record<string, number>> => {
      const seconds: number[] = [];
      const processor: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const [start, before] = [performance.now(), process.cpuUsage()];
        for (const picture of pictures) await locator.find(await locator.see(picture), [prompt]);
        const { user, system } = process.cpuUsage(before);
        seconds.push((performance.now() - start) / 1000);
        processor.push((user + system) / 1e6);
        // What the writer tells is heard between two rounds.
        await new Promise((settle) => setImmediate(settle));
      }
      const perSecond = pictures.length / median(seconds);
      return { slices_per_second: rounded(perSecond), ms_per_slice: rounded(1000 / perSecond), processor_ms_per_slice: rounded((1000 * median(processor)) / pictures.length) };
    };
    const alone = await sweep();
    await writer.open({ folder: slow });
    const stop = new AbortController();
    const writing = (async () => {
      let answers = 0;
      for (; !stop.signal.aborted; answers++) await writer.sample({ frames: [pictures[answers % pictures.length]!], question: 'Where is the heart?' }, 1, { signal: stop.signal, maxNewTokens: 128 });
      return answers;
    })();
    const beside = await sweep();
    stop.abort();
    return [{
      what: `slices of 512 pixels searched at ${locator.makings.config.side}`,
      ours: { ...alone, threads, bar_slices_per_second: least },
    }, {
      what: 'the same while the slow model writes answer after answer',
      ours: { ...beside, answers: await writing },
    }];
  } finally {
    await Promise.all([locator.release(), writer.close()]);
  }
}

export interface DirectiveBenchPlace {
  readonly localizer: string;
  readonly base: string;
  /** The adapter that writes directives; null: the base itself. */
  readonly adapter: string | null;
  readonly cache: string;
  readonly sharedFolder: string;
  readonly perFamily: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

export async function benchDirective({ localizer, base, adapter, cache, sharedFolder, perFamily, threads, signal, progress }: DirectiveBenchPlace): Promise<readonly Record<string, unknown>[]> {
  const indexes = ['microscopy', 'xray', 'ultrasound'].map((name) => join(sharedFolder, 'data', name, 'index.jsonl'));
  const records = await casesOf(indexes, { splits: ['val'], licences: ['permissive'] });
  const locator = await openLocator(localizer, { threads });
  const reasoner = await openReasoner({ folder: openRewriterModel(base, adapter, cache) });
  try {
    const result = await directiveBench(records, {
      locator, perFamily, signal, onProgress: (done, total) => done % 30 === 0 && progress(`${done} of ${total} sentences`),
      async write(asks) {
        const answers = await reasoner.answerMany(asks.map(({ picture, question }) => ({ frames: [picture], question })), { maxNewTokens: 128, signal, onAnswer: (_, at) => at % 20 === 0 && progress(`${at} of ${asks.length} rewritten`) });
        return answers.map(({ text }) => text);
      },
    });
    return [{ what: 'sentences that lead to what was meant', ours: result, text: directiveBenchText(result) }];
  } finally {
    await Promise.all([locator.release(), reasoner.release()]);
  }
}
