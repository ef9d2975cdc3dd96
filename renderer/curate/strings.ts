/** English of the dataset screen. */
export const curateStrings = {
  title: 'Dataset', loading: 'Opening the dataset …', emptyTitle: 'No training case yet', emptyText: 'Judge an answer in the review: Enter accepts a step, Shift+Enter makes a training case of it.',
  check: 'Check', checking: 'Checking …', split: 'Split by patient', snapshot: 'Take a snapshot', cases_one: 'case', cases_other: 'cases', held: '{{count}} withheld', patients_one: '{{count}} patient', patients_other: '{{count}} patients',
  balance: 'Balance', facet: { label: 'Label', kind: 'Kind', split: 'Split', modality: 'Modality', sex: 'Sex', age: 'Age', scanner: 'Scanner', verdict: 'Verdict' }, all: 'All',
  columns: { question: 'Question', label: 'Label', split: 'Split', group: 'Patient', state: 'State' }, ready: 'Ready', withheld: 'Withheld', onlyHeld: 'Only withheld',
  kinds: { choice: 'Choice', choices: 'Several choices', yesNo: 'Yes or no', word: 'Word', number: 'Number', ordinal: 'Grade', boxes: 'Boxes', points: 'Points' },
  question: 'Question', label: 'Label', kind: 'Kind', options: 'Options, one to a line', right: 'Right', value: 'Value', tolerance: 'Tolerance', unit: 'Unit', accept: 'Accepted wordings, one to a line', reject: 'Wrong wordings, one to a line', scale: 'Scale, from least to most, one to a line',
  modality: 'Modality', none: 'Choose …', definition: 'Follows', free: 'No definition', note: 'Note', release: 'Release', released: 'Released', remove: 'Remove the case', open: 'Open the study', history: 'History', restore: 'Restore', reasoning: 'Accepted reasoning', places_one: '{{count}} place, in pixels of the source', places_other: '{{count}} places, in pixels of the source',
  version: '{{by}} · {{time}}', how: { done: 'changed', undone: 'undone', redone: 'done again', restored: 'restored' },
  labels: 'Labels', newLabel: 'New label', labelName: 'Name', code: 'Coded as', noCode: 'Type to search SNOMED CT …', save: 'Keep', cancel: 'Cancel', noLabels: 'A label gives a question of your department one form of answer.',
  queue: 'To judge next', orders: { uncertain: 'Least sure', disagreement: 'Contradictory', reliance: 'Looked least', first: 'Oldest', random: 'At random' }, noQueue: 'Every answer was judged.', confidence: '{{percent}} % sure', unparsed: 'no confidence', reliance: 'relies on the image by {{percent}} %', unchecked: 'evidence not checked', disagreement: '{{percent}} % disagree',
  checked: '{{written}} of {{cases}} cases may enter training: {{errors}} errors, {{warnings}} warnings', clean: 'Nothing to complain of.', snapshots: 'Snapshots', index: 'Read by loupe train, evaluate and dataset',
  shares: 'Train, val, test', splitDone: '{{train}} train, {{val}} val, {{test}} test', snapshotDone_one: 'Snapshot {{hash}} of {{count}} case. It never changes.', snapshotDone_other: 'Snapshot {{hash}} of {{count}} cases. It never changes.', removed: 'The case was removed.',
} as const;
