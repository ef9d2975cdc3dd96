/** Classes told apart by words alone: each class in several wordings, each wording in several sentences, as PathoCLIP's evaluation reads them. */
import { z } from 'zod';
import { Fault } from '#models/base/fault.ts';

/** What stands for the class in a sentence. */
export const placeholder = 'CLASSNAME';

const wording = z.string().trim().min(1).max(300);

export const PromptEnsemble = z.object({
  classes: z.array(z.object({ name: z.string().trim().min(1).max(200), synonyms: z.array(wording).max(100) })).max(200),
  templates: z.array(wording).max(100),
});
export type PromptEnsemble = z.infer<typeof PromptEnsemble>;

/** Class → wordings, and sentences, as the released files spell them. */
const Published = z.record(z.string(), z.object({ classnames: z.record(z.string(), z.array(z.string())), templates: z.array(z.string()) }));

/** Reads an ensemble as it is kept here, or one of a released file (its first entry). @throws Fault `zeroshot.prompts` */
export function parsePromptEnsemble(json: unknown): PromptEnsemble {
  const published = Published.safeParse(json);
  const first = published.success ? Object.values(published.data)[0] : undefined;
  const own = PromptEnsemble.safeParse(first ? { classes: Object.entries(first.classnames).map(([name, synonyms]) => ({ name, synonyms })), templates: first.templates } : json);
  if (!own.success) throw unusable(own.error.issues.slice(0, 2).map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`).join('; '));
  requireUsable(own.data);
  return own.data;
}

/** What keeps an ensemble from being used, in words; null where nothing does. */
export function ensembleFlaw({ classes, templates }: PromptEnsemble): string | null {
  if (classes.length < 2) return classes.length === 0 ? 'It has no class.' : 'It has one class, and nothing to tell it from.';
  const names = classes.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return `The class ${twice} stands there twice.`;
  const bare = classes.find(({ synonyms }) => synonyms.length === 0);
  if (bare) return `The class ${bare.name} has no wording.`;
  if (templates.length === 0) return 'It has no sentence.';
  const without = templates.find((template) => !template.includes(placeholder));
  return without === undefined ? null : `The sentence "${without}" has no ${placeholder}.`;
}

/** @throws Fault `zeroshot.prompts` */
export function requireUsable(ensemble: PromptEnsemble): void {
  const flaw = ensembleFlaw(ensemble);
  if (flaw !== null) throw unusable(flaw);
}

/** Every sentence of a class: each wording in each template. */
export const promptsOf = ({ templates }: Pick<PromptEnsemble, 'templates'>, { synonyms }: PromptEnsemble['classes'][number]): readonly string[] =>
  synonyms.flatMap((synonym) => templates.map((template) => template.replaceAll(placeholder, synonym)));

const unusable = (why: string): Fault => new Fault({ code: 'zeroshot.prompts', what: 'Nothing can be told apart by these words.', why, mend: `Give at least two classes, each with a wording, and a sentence with ${placeholder} in it.` });
