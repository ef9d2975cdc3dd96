/** An adapter upon its base, for commands that ask a model as a whole. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { checkFits, mergedTensor, openAdapter } from '#models/weights/peft.ts';

/** The adapter merged into its base, as a folder for as long as it is needed. */
export async function withMerged<T>(base: string, adapterFolder: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-merged-'));
  try {
    const checkpoint = openCheckpoint(base);
    const adapter = openAdapter(adapterFolder);
    checkFits(checkpoint, adapter);
    // A template in a file of its own travels inside the tokenizer's settings.
    const tokenizerConfig = checkpoint.chatTemplate === null ? checkpoint.tokenizerConfig : { ...(checkpoint.tokenizerConfig as object), chat_template: checkpoint.chatTemplate };
    saveCheckpoint(folder, { ...checkpoint, tokenizerConfig }, [...checkpoint.tensors].map(([name, { shape }]) => ({ name, shape, data: mergedTensor(checkpoint, adapter, name) })), 'F32');
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
