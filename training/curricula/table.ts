/** Every curriculum and every data pipeline by the name under which a recipe asks for it. */
import { Fault } from '#models/base/fault.ts';
import type { CurriculumMaker, DataPipeline } from '#training/records/curriculum.ts';
import { bridging } from './bridging.ts';
import { passRate, tiered } from './difficulty.ts';
import { directives } from './directives.ts';
import { distillation } from './distillation.ts';
import { captions, questionSets } from './questionSets.ts';
import { questionSynthesis } from './questionSynthesis.ts';
import { refinement } from './refinement.ts';
import { replay } from './replay.ts';
import { rethinking } from './rethinking.ts';
import { secondThoughts, selfReasoning } from './selfImprovement.ts';
import { specialist } from './specialists.ts';
import { lengthStaging } from './staging.ts';

export const curricula: Readonly<Record<string, CurriculumMaker>> = { lengthStaging, refinement, replay, rethinking, specialist };
export const pipelines: Readonly<Record<string, DataPipeline>> = {
  bridging, captions, directives, distillation, passRate, questionSets, questionSynthesis, secondThoughts, selfReasoning, tiered,
};

/** The curriculum of that name; Fault `curriculum.name` where there is none. */
export const findCurriculum = (name: string): CurriculumMaker => find('curriculum', curricula, name);

/** The pipeline of that name; Fault `curriculum.name` where there is none. */
export const findPipeline = (name: string): DataPipeline => find('pipeline', pipelines, name);

function find<T>(kind: string, table: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found !== undefined) return found;
  throw new Fault({
    code: 'curriculum.name', what: `There is no ${kind} called '${name.slice(0, 80)}'.`, why: 'The recipe names one that is not in the table.',
    mend: `Use one of ${Object.keys(table).join(', ')}.`,
  });
}
