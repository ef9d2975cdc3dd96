/** Where a recipe's checkpoint to start from lies: as the path says, or within this installation, so that a built-in recipe works from any folder. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { isSimilarFolder, openSimilarFolder } from '#models/weights/similar.ts';

/** @param above  the folder whose nearest parent with our package.json and `models` is the installation */
export function startFolder(folder: string, above = dirname(fileURLToPath(import.meta.url))): string {
  if (isAbsolute(folder) || existsSync(folder)) return folder;
  for (let at = above; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json')) && existsSync(join(at, 'models'))) {
      // What maps weights into memory knows nothing of a packed application's archive: they lie beside it.
      const inside = join(at.replace(/app\.asar$/, 'app.asar.unpacked'), folder);
      return existsSync(inside) ? inside : folder;
    }
    if (at === dirname(at)) return folder;
  }
}

/** What a run begins from: a checkpoint, or an encoder of images and sentences, which goes on with its own towers and vocabulary. */
export function openStart(named: string): Pick<Checkpoint, 'config' | 'generationConfig' | 'preprocessor' | 'tokenizer' | 'tokenizerConfig' | 'tensors'> {
  const folder = startFolder(named);
  if (!isSimilarFolder(folder)) return openCheckpoint(folder);
  const { base, preprocessor, tokenizer, tokenizerConfig, tensors } = openSimilarFolder(folder);
  return { config: base, generationConfig: null, preprocessor, tokenizer, tokenizerConfig, tensors };
}
