/** What finds: the localizer's process in the workstation, the localizer itself in the terminal and in tests. */
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { FindOptions, FoundBox, Prompt } from '#models/locator.ts';

export interface Finder {
  open(): Promise<{ readonly sha256: string; readonly stored: readonly (Prompt & { readonly kind: string })[] }>;
  /** @throws Fault `locate.none`, `locate.outside` */
  prompt(picture: Picture, boxes: readonly Box[]): Promise<Prompt>;
  /** For each prompt what is like it, best first. */
  find(picture: Picture, prompts: readonly Prompt[], options: FindOptions): Promise<readonly (readonly FoundBox[])[]>;
  close(): void;
}

/** Whether a picture is of one colour: there is nothing on it to be found. */
export function isBlank({ data }: Picture): boolean {
  const [least, most] = [[255, 255, 255], [0, 0, 0]];
  for (let i = 0; i < data.length; i++) {
    const channel = i % 3;
    if (data[i]! < least[channel]!) least[channel] = data[i]!;
    if (data[i]! > most[channel]!) most[channel] = data[i]!;
  }
  return most.every((value, channel) => value - least[channel]! <= 2);
}

/** Of an example there. */
export const blankFault = (): Fault => new Fault({ code: 'locate.blank', what: 'There is nothing to look for.', why: 'The image is of one colour: an example on it shows nothing.', mend: 'Choose another image, or another window.' });
