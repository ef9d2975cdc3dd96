/** A moment in the viewer as a prompt of the sampler, which knows pictures by the case that they are of. */
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Prompt } from '#training/records/policy.ts';
import type { Moment } from './episode.ts';

/** @param name  tells the moments of one update apart */
export function momentPrompt({ task, observation, question }: Moment, name: string): Prompt {
  const { width, height } = observation.picture;
  const record: CaseRecord = {
    id: task.case.id, folder: '', archive: '', file: '', modality: task.case.modality === 'CT' ? 'ct' : 'mri', set: 'viewer', split: 'train', width, height, task: 'viewer', label: task.family,
    labelsSpace: [task.family], questionTypes: [], facts: {}, boxes: null, group: task.case.id, origin: '', source: 'training/synthesis/phantoms.ts', licence: 'Apache-2.0', licenceClass: 'permissive', sha256: '',
  };
  return {
    id: name, record, size: { width, height }, view: name,
    turn: { questionType: 'viewer', task: null, question, completion: '', answer: '', gold: { kind: 'text', text: '' }, style: 'reasoned', weight: 1 },
  };
}
