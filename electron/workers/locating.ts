/** The localizer in a process of its own: a sweep over a slide keeps it busy for minutes, and whoever looks at images or asks goes first. */
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import { openLocator, type FindOptions, type FoundBox, type Locator, type Prompt } from '#models/locator.ts';
import { answerRequests, inTurn, yieldToOthers } from './port.ts';

export interface OpenedLocator {
  readonly sha256: string;
  readonly stored: readonly (Prompt & { readonly kind: string })[];
}

let locator: Locator | undefined;
let openFolder: string | undefined;

yieldToOthers();

function opened(): Locator {
  if (!locator) throw new Fault({ code: 'localizer.closed', what: 'Nothing can be sought.', why: 'No localizer is open.', mend: 'Try again.' });
  return locator;
}

answerRequests({
  open: inTurn(async ({ folder }: { folder: string }): Promise<OpenedLocator> => {
    if (!locator || openFolder !== folder) {
      await locator?.release();
      locator = undefined;
      locator = await openLocator(folder);
      openFolder = folder;
    }
    return { sha256: locator.sha256, stored: locator.stored };
  }),
  prompt: inTurn(async ({ picture, boxes }: { picture: Picture; boxes: readonly Box[] }): Promise<Prompt> => opened().prompt(await opened().see(picture), boxes)),
  find: inTurn(async ({ picture, prompts, options }: { picture: Picture; prompts: readonly Prompt[]; options: FindOptions }): Promise<readonly (readonly FoundBox[])[]> => opened().find(await opened().see(picture), prompts, options)),
});
