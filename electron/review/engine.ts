/** What can be said of the model that answers without opening it: whether it can be asked at all, and what it takes while it is open. */
import { basename } from 'node:path';
import type { Engine } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import { parseConfig } from '#models/networks/config.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';

export interface EngineOptions {
  /** Of the chosen model. */
  readonly folder: string;
  /** Null: none is open yet. */
  readonly open: { readonly folder: string; readonly family: string; readonly device: string } | null;
  readonly memory: () => Promise<number | null>;
}

export async function engineOf({ folder, open, memory }: EngineOptions): Promise<Engine> {
  return {
    open: open && { name: basename(open.folder), family: open.family, device: open.device },
    memoryBytes: await memory(),
    refusal: open ? null : refusalOf(folder),
  };
}

/** Why a model folder cannot be asked about images; null where it can. Reads configuration and headers alone. */
export function refusalOf(folder: string): Engine['refusal'] {
  try {
    const { config, tensors, tokenizer, chatTemplate } = openCheckpoint(folder);
    parseConfig(config);
    const missing = ![...tensors.keys()].some((name) => name.startsWith('visual.')) ? ['the weights of its vision tower', 'the shards with the vision weights']
      : tokenizer === null ? ['its tokenizer', 'the tokenizer.json'] : chatTemplate === null ? ['its chat template', 'the chat_template.json'] : null;
    if (missing === null) return null;
    return { code: 'reasoner.blind', what: `${basename(folder)} cannot be asked about images.`, why: `Its folder lacks ${missing[0] as string}.`, mend: `Add ${missing[1] as string} that was published with it, or choose another model.` };
  } catch (thrown) {
    const { code, what, why, mend } = thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The model cannot be asked.', why: String(thrown), mend: 'Choose another model.' });
    return { code, what, why, mend };
  }
}
