/** The model that writes directives: the adapter that learnt it, merged into the checkpoint that it belongs to; without one the model in use, told the form. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { directiveAnatomies, directiveSides, directiveTargets, directiveText } from '#models/clinical/directive.ts';
import type { Ask, AskOptions } from '#models/reasoner.ts';
import { openCheckpoint, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { fileHash } from '#models/weights/fileHash.ts';
import { checkFits, mergedTensor, openAdapter } from '#models/weights/peft.ts';
import type { Rewriter } from './directing.ts';

/** What writes text: the inference process. */
export interface Writer {
  open(folder: string): Promise<{ readonly folder: string; readonly weightFiles: readonly string[] }>;
  sample(ask: Ask, options: Pick<AskOptions, 'maxNewTokens' | 'signal'>): Promise<string>;
}

/** The adapter merged into its base, made once and kept below `cache`. @throws Fault of `openAdapter`, `checkFits` and the writer */
export function mergedDirectiveModel(base: string, adapter: string, cache: string): string {
  const folder = join(cache, `directive-${fileHash(join(adapter, 'adapter_model.safetensors')).slice(0, 12)}-${fileHash(join(base, 'model.safetensors')).slice(0, 12)}`);
  if (existsSync(join(folder, 'config.json'))) return folder;
  const [checkpoint, opened] = [openCheckpoint(base), openAdapter(adapter)];
  checkFits(checkpoint, opened);
  const part = `${folder}.${process.pid}.part`;
  try {
    mkdirSync(part, { recursive: true });
    // A template in a file of its own travels inside the tokenizer's settings.
    const tokenizerConfig = checkpoint.chatTemplate === null ? checkpoint.tokenizerConfig : { ...(checkpoint.tokenizerConfig as object), chat_template: checkpoint.chatTemplate };
    saveCheckpoint(part, { ...checkpoint, tokenizerConfig }, [...checkpoint.tensors].map(([name, { shape }]) => ({ name, shape, data: mergedTensor(checkpoint, opened, name) })), 'F32');
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}

/** The folder of the model that writes directives: the base with its adapter, or the base as it is. */
export const openRewriterModel = (base: string, adapter: string | null, cache: string): string => (adapter === null ? base : mergedDirectiveModel(base, adapter, cache));

const example = directiveText({ target: 'nodule', anatomy: 'chest', side: 'left', slice_from: 10, slice_to: 20 });

/** For a model that never learnt the form. */
export const instructed = (question: string): string => `${question}
Write <think>one sentence</think><directive>JSON</directive> and nothing else. The JSON says what is to be found: ${example}. target is one of ${Object.keys(directiveTargets).join(', ')}; anatomy one of ${directiveAnatomies.join(', ')}; side, the patient's, one of ${directiveSides.join(', ')}; slices count from 1.`;

export interface RewriterOptions {
  /** Where the adapter lies; absent where none is built in. */
  readonly adapter: string | null;
  /** The checkpoint that the adapter belongs to. */
  readonly base: string;
  readonly cache: string;
  /** A process for the adapter's model alone, so that a sentence does not wait for an answer. */
  readonly own: Writer;
  /** The model in use. */
  readonly chosen: { folder(): string; readonly writer: Writer };
}

const mostTokens = 128;

const hashes = new Map<string, string>();
function hashed(file: string): string {
  const hash = hashes.get(file) ?? fileHash(file);
  hashes.set(file, hash);
  return hash;
}

export function openRewriter({ adapter, base, cache, own, chosen }: RewriterOptions): Rewriter {
  let folder: string | null = null;
  let opening: ReturnType<Writer['open']> | undefined;
  const learnt = adapter !== null && existsSync(join(adapter, 'adapter_config.json')) ? adapter : null;
  const opened = async (): Promise<{ readonly folder: string; readonly weightFiles: readonly string[] }> => {
    if (learnt === null) return chosen.writer.open(chosen.folder());
    folder ??= mergedDirectiveModel(base, learnt, cache);
    opening ??= own.open(folder);
    opening.catch(() => (opening = undefined));
    return opening;
  };
  return {
    async about() {
      const { folder: of, weightFiles } = await opened();
      return { name: learnt === null ? basename(of) : basename(learnt), weightsSha256: weightFiles.map(hashed) };
    },
    async write({ frames, question }, signal) {
      await opened();
      signal.throwIfAborted();
      const text = await (learnt === null ? chosen.writer : own).sample({ frames: [...frames], question: learnt === null ? instructed(question) : question }, { maxNewTokens: mostTokens, signal });
      if (signal.aborted) throw new Fault({ code: 'locate.givenUp', what: 'The sentence was given up.', why: 'It was stopped.', mend: 'Say it again when you like.' });
      return text;
    },
  };
}
